"""What the people of a campus write, to be put together at random."""

EMOJI = ("👍", "❤️", "🎉", "😂", "🙌", "🔥", "👀", "🤔", "🌱", "☕", "🚀", "😮")

TAGS = (
    "events", "study-group", "housing", "lost-and-found", "music", "cycling", "chess", "careers",
    "library", "first-years", "exams", "robotics", "film", "running", "food", "volunteering",
    "photography", "climbing", "languages", "garden", "theatre", "open-source", "board-games",
    "hiking", "baking", "astronomy", "debate", "design", "alumni", "swap", "choir", "rowing",
    "statistics", "travel", "wellbeing", "podcast", "repair-cafe", "poetry", "internships", "maps",
)  # fmt: skip

GROUPS = (
    "Campus Life", "Engineering Faculty", "Residents of Old Mill House", "Marketplace",
    "Chess Club", "Photography Society", "Cycling to Campus", "Film Night", "Language Exchange",
    "First-Year Questions", "Library Regulars", "Climbing Wall", "Community Garden",
    "Board Game Evenings", "Jazz Ensemble", "Running Before Lectures", "Statistics Study Group",
    "Astronomy on the Roof", "Debate Society", "Theatre Workshop", "Repair Café", "Alumni Mentors",
    "Rowing Crew", "Bakers and Tasters", "Open Source Lab", "Poetry Reading", "Hiking Weekends",
    "Student Radio", "Volunteers in Town", "Design Critique", "Choir", "Internship Stories",
    "Campus Birdwatchers", "Home Brewers", "Philosophy over Tea", "Maths Olympiad Trainers",
    "Sign Language Circle", "Sustainable Campus", "Pottery Studio", "Night Owls",
)  # fmt: skip

OPENINGS = (
    "Notes from", "Looking for people for", "What we learned at", "A small guide to",
    "Questions about", "Photos from", "Who is coming to", "Tickets for", "New times for",
    "Thank you for", "Help wanted at", "Ideas for", "A first look at", "Sign up for", "Changes to",
    "Everything about", "Behind the scenes of", "Last places in", "How to prepare for",
    "Found after",
)  # fmt: skip

SUBJECTS = (
    "the spring concert", "the reading room", "the orientation week", "the bike workshop",
    "the open day", "the summer garden", "the regional finals", "the lab tour", "the quiz night",
    "the welcome breakfast", "the long night of science", "the book swap", "the mentoring hour",
    "the winter ball", "the career fair", "the rooftop telescope", "the tandem programme",
    "the second-hand market", "the charity run", "the film marathon", "the exam season",
    "the kitchen rota", "the art walk", "the robot parade", "the tournament", "the language café",
    "the river clean-up", "the student parliament", "the new canteen menu", "the hackathon",
)  # fmt: skip

SENTENCES = (
    "We meet at the main entrance and walk over together.",
    "Bring a friend, no experience is needed.",
    "The room holds about thirty people, so please tell us if you can't make it after all.",
    "Last time we ran out of chairs, this time we have borrowed some from the choir.",
    "There will be tea, and probably cake.",
    "The slides are on the shared drive, with the exercises at the end.",
    "If it rains we move to the hall behind the library.",
    "Somebody left a blue scarf; it is waiting at the front desk.",
    "I have written down what worked for me, and I would love to hear what worked for you.",
    "The caretaker asks us to be out by ten.",
    "We still need two people for the evening shift.",
    "It took us three tries, but the second prototype really does climb stairs.",
    "The photos are up, tell me if you would rather not be in one of them.",
    "Doors open at half past six and the first talk begins at seven.",
    "You can borrow a helmet from us, in most sizes.",
    "The reading for next week is chapters four and five.",
    "Whoever is new here: ask anything, we were all new once.",
    "The vote was close, 41 to 38, and the discussion was a friendly one.",
    "Please label your food in the shared kitchen.",
    "It is free for students, others give what they like.",
    "We compared four approaches and the simplest one won again.",
    "The bus leaves at eight sharp from the north gate.",
    "A big thank you to everyone who stayed to tidy up.",
    "I can lend my notes to anyone who missed the session.",
    "The workshop repeats on Thursday for those who have a seminar on Tuesday.",
    "Our next goal is a proper sound system.",
    "Let me know which of the two dates suits you better.",
    "The deadline is Friday at noon, and they do mean noon.",
)  # fmt: skip

REMARKS = (
    "Count me in!", "Could you share the slides?", "I'll bring the projector.", "Same here.",
    "That was the best one so far.", "Is there a waiting list?", "Thanks for organising this.",
    "I can take the early shift.", "Does this clash with the seminar?", "See you there!",
    "I had the same question, following.", "The north gate is closed this week, use the east one.",
    "Happy to help with the set-up.", "Here is what worked for me: start small and ask early.",
    "Good point, I hadn't thought of that.", "Any chance of a recording?", "Found it, thank you!",
    "My flatmate would love this, passing it on.", "Is it all right to come late?",
    "We could ask the choir for their room.", "I disagree, but I like how you put it.",
    "Tuesday suits me better.", "Sold out already?", "That photo made my day.",
    "You can swap with me if you like.", "I tried it at home and it works.", "Great news!",
    "Who do I talk to about a key?", "Sent you a message.", "Let's do this every term.",
)  # fmt: skip
