"""The fixtures: three groups on two campuses, and ten people who know each other.

All of it is made through the functions of `api`, as a trusted job does it, in one transaction: it
is there whole or not at all, and a second run finds it.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from gen.jobs import comments, groups, invitations, members, posts, reactions, tags
from tools import display
from tools.failure import Failure

USERS = tuple(
    (name, uuid.UUID(f"5eed0000-0000-7000-8000-{number:012x}"))
    for number, name in enumerate(
        ("Ada", "Ben", "Chloe", "Dev", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas"), start=1
    )
)
CAMPUSES = tuple(
    uuid.UUID(f"5eed000f-0000-7000-8000-{number:012x}") for number in range(1, 4)
)  # north, south, island

ID = dict(USERS)
_FOUNDER = ID["Ada"]

# Who reacted with what: {"👍": "Ada Ben"}.
Reactions = Mapping[str, str]


@dataclass(frozen=True)
class Comment:
    author: str
    body: str
    replies: tuple["Comment", ...] = ()
    reactions: Reactions = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    author: str
    title: str | None
    body: str
    tags: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    reactions: Reactions = field(default_factory=dict)
    pinned_by: str | None = None


@dataclass(frozen=True)
class Group:
    owner: str
    name: str
    slug: str
    visibility: str
    campus: uuid.UUID
    description: str
    tags: tuple[str, ...]
    # Everyone but the owner, and their roles.
    members: Mapping[str, str]
    posts: tuple[Post, ...]


TAGS = (
    "events", "first-years", "library", "cycling", "music", "housing", "lost-and-found", "robotics",
    "careers", "exams", "food", "volunteering",
)  # fmt: skip

COMMONS = Group(
    owner="Ada",
    name="Campus Commons",
    slug="campus-commons",
    visibility="public",
    campus=CAMPUSES[0],
    description="What is on, what is lost, what is good to know. Open to everyone on campus.",
    tags=("events", "first-years", "lost-and-found"),
    members={
        "Ben": "admin",
        "Chloe": "moderator",
        "Dev": "member",
        "Elif": "member",
        "Farid": "member",
        "Grace": "member",
        "Hugo": "member",
        "Ines": "member",
        "Jonas": "member",
    },
    posts=(
        Post(
            "Ada",
            "Welcome to the commons",
            "This is the place for everything that concerns more than one of us. Say hello below, "
            "and tell us what you would like to find here.",
            tags=("first-years",),
            pinned_by="Ben",
            reactions={"👋": "Ben Chloe Dev Elif Farid Grace Hugo", "🎉": "Ben Grace Ines"},
            comments=(
                Comment(
                    "Grace",
                    "Hello! First semester, architecture. Who likes to draw together?",
                    reactions={"❤️": "Ada Elif"},
                    replies=(
                        Comment(
                            "Elif",
                            "There is a life drawing evening in the old mill every second Tuesday.",
                            replies=(
                                Comment(
                                    "Grace",
                                    "That sounds perfect. Do I need to bring paper?",
                                    replies=(Comment("Elif", "Just pencils, they have paper."),),
                                ),
                            ),
                        ),
                    ),
                ),
                Comment("Hugo", "Hello from the chemistry labs, where it smells of oranges today."),
                Comment(
                    "Farid",
                    "A list of quiet places to read would be lovely.",
                    replies=(
                        Comment("Ben", "The greenhouse before ten. You didn't hear it from me."),
                        Comment("Chloe", "Second floor of the library, behind the atlases."),
                    ),
                ),
            ),
        ),
        Post(
            "Chloe",
            "Library opens at seven during the exams",
            "From Monday on the reading rooms are open from seven in the morning until midnight, "
            "on Sundays too. The café follows at eight.",
            tags=("library", "exams"),
            reactions={"👍": "Ada Dev Farid Grace Hugo", "☕": "Dev Ines"},
            comments=(
                Comment(
                    "Dev",
                    "Does that include the group rooms on the third floor?",
                    replies=(
                        Comment(
                            "Chloe",
                            "Yes, but book them by noon of the day before.",
                            reactions={"🙏": "Dev"},
                        ),
                    ),
                ),
                Comment("Ines", "Seven! Who are you people?", reactions={"😂": "Ada Chloe Hugo"}),
            ),
        ),
        Post(
            "Dev",
            "Found: a blue scarf near the north gate",
            "Hand-knitted, with a small fox on one end. It is at the front desk now.",
            tags=("lost-and-found",),
            reactions={"🦊": "Ada Elif Grace"},
            comments=(
                Comment(
                    "Farid",
                    "That is my sister's! She will be so glad. Thank you.",
                    reactions={"❤️": "Dev Grace Elif Ada"},
                    replies=(Comment("Dev", "Wonderful. Ask for the desk drawer on the left."),),
                ),
            ),
        ),
        Post(
            "Farid",
            "Saturday ride along the river",
            "Forty easy kilometres, one long stop for cake. We leave from the bike shed at ten and "
            "nobody is left behind.",
            tags=("cycling", "events"),
            reactions={"🚲": "Ben Dev Hugo", "👍": "Ada Grace"},
            comments=(
                Comment(
                    "Hugo",
                    "Is a city bike with three gears enough?",
                    replies=(
                        Comment("Farid", "Three more than my first one had. Come along!"),
                        Comment("Ben", "There is one hill, and we all push there."),
                    ),
                ),
                Comment("Grace", "I'll bring a pump and the map."),
                Comment("Elif", "And I'll bring the cake, so that we have two."),
            ),
        ),
        Post(
            "Ines",
            "Choir looks for low voices",
            "We are forty sopranos and four basses. Rehearsals are on Wednesdays at six, and the "
            "spring concert is Fauré.",
            tags=("music",),
            reactions={"🎶": "Ada Chloe Elif"},
            comments=(
                Comment("Ben", "I can hold a note if somebody stands next to me who knows which."),
                Comment("Ada", "I'll come to listen at least.", reactions={"❤️": "Ines"}),
            ),
        ),
        Post(
            "Grace",
            "A room is free from April",
            "Twelve square metres in a flat of four, ten minutes from the south gate, with a "
            "balcony and a very polite cat.",
            tags=("housing",),
            reactions={"🐈": "Ada Ben Elif Farid Ines"},
            comments=(
                Comment(
                    "Dev",
                    "What is the rent, and what is the cat called?",
                    replies=(Comment("Grace", "390 with heating, and Professor Whiskers."),),
                ),
                Comment("Ines", "I would move in for the cat alone."),
            ),
        ),
        Post(
            "Ben",
            "Career evening: people who left and came back",
            "Five alumni talk about their first years at work, what they would do again and what "
            "they would not. Questions are the point of it.",
            tags=("careers", "events"),
            reactions={"👍": "Chloe Dev Hugo"},
            comments=(
                Comment(
                    "Chloe",
                    "Will there be somebody from the public sector?",
                    replies=(Comment("Ben", "Two of the five, one of them from the city."),),
                ),
            ),
        ),
        Post(
            "Hugo",
            "Leftover lunch, free to a good home",
            "The seminar ordered for sixty and twenty came. Falafel and salad in room 2.14, until "
            "it is gone.",
            tags=("food",),
            reactions={"😋": "Ada Dev Farid Grace Ines Jonas", "🏃": "Jonas Dev"},
            comments=(
                Comment("Jonas", "On my way!"),
                Comment("Dev", "All gone. It was very good.", reactions={"😂": "Hugo"}),
            ),
        ),
        Post(
            "Elif",
            "Two hours for the town kitchen",
            "They need six people on Thursday to cook for eighty. No skill is needed beyond "
            "peeling and good cheer.",
            tags=("volunteering", "food"),
            reactions={"🙌": "Ada Ben Chloe Grace"},
            comments=(
                Comment("Grace", "Count me in, and my flatmate too."),
                Comment("Ada", "I can peel."),
            ),
        ),
        Post(
            "Jonas",
            None,
            "Does anyone know why the clock tower has been striking thirteen since Monday?",
            reactions={"👀": "Ada Ben Chloe Dev Elif", "😂": "Farid Hugo Ines"},
            comments=(
                Comment("Chloe", "Engineering students, spring, a bet. Need I say more?"),
                Comment("Dev", "I have no idea what you are talking about."),
                Comment("Elif", "I set my watch by it now."),
            ),
        ),
    ),
)

ROBOTICS = Group(
    owner="Chloe",
    name="Robotics Lab",
    slug="robotics-lab",
    visibility="private",
    campus=CAMPUSES[1],
    description="Plans, parts and progress of the robotics team. Ask to join if you build with us.",
    tags=("robotics",),
    members={"Dev": "admin", "Elif": "moderator", "Farid": "member", "Ada": "member"},
    posts=(
        Post(
            "Chloe",
            "How we work",
            "Batteries are never left charging alone. Tools go back to the wall. What you break "
            "you report, and nobody is angry.",
            tags=("robotics",),
            pinned_by="Elif",
            reactions={"👍": "Ada Dev Elif Farid"},
            comments=(
                Comment("Dev", "And the last one out switches off the soldering station."),
                Comment("Ada", "Twice, if it was me."),
            ),
        ),
        Post(
            "Dev",
            "The walker climbs stairs",
            "Third prototype, eleventh try: six steps without a fall. The trick was to move the "
            "battery two centimetres back.",
            tags=("robotics", "walker"),
            reactions={"🤖": "Ada Chloe Elif Farid", "🎉": "Chloe Elif"},
            comments=(
                Comment(
                    "Farid",
                    "Is there a video?",
                    replies=(Comment("Dev", "Two, and in the second one it waves."),),
                ),
                Comment("Chloe", "I knew that battery was up to something."),
                Comment("Elif", "Six steps! The lecture hall has nine."),
            ),
        ),
        Post(
            "Elif",
            "Parts to order this week",
            "Two servos, ten metres of wire, a bag of M3 screws. Add yours below by Thursday noon.",
            tags=("orders",),
            comments=(
                Comment("Ada", "A second lidar mount, please, the first one has a crack."),
                Comment("Farid", "Cable ties. It is always cable ties."),
            ),
        ),
        Post(
            "Farid",
            "Notes from the regional finals",
            "We came fourth of twenty-two. The line follower lost us a minute, the gripper won it "
            "back. Everything I remember is in here before I forget it.",
            tags=("robotics", "competition"),
            reactions={"🏅": "Ada Chloe Dev Elif"},
            comments=(
                Comment(
                    "Elif",
                    "Fourth! Last year we were fourteenth.",
                    reactions={"🎉": "Ada Chloe Dev Farid"},
                ),
            ),
        ),
        Post(
            "Ada",
            "A simulator for the gripper",
            "It is slow and the physics are kind, but you can try a grip without breaking another "
            "egg.",
            tags=("robotics", "simulation"),
            reactions={"🥚": "Chloe Dev"},
            comments=(
                Comment("Dev", "The eggs thank you."),
                Comment("Farid", "What does it take for a raw one?"),
            ),
        ),
        Post(
            "Dev",
            "Open lab on Friday",
            "Visitors from the school next door at two. Somebody please hide the flame thrower.",
            reactions={"😂": "Ada Chloe Elif Farid"},
            comments=(Comment("Chloe", "It is a heat gun, and it is in the cupboard."),),
        ),
    ),
)

BAKERS = Group(
    owner="Elif",
    name="Midnight Bakers",
    slug="midnight-bakers",
    visibility="secret",
    campus=CAMPUSES[2],
    description="Nobody knows who leaves the cakes in the common rooms, and so it shall stay.",
    tags=("food",),
    members={"Grace": "admin", "Hugo": "moderator", "Ada": "member"},
    posts=(
        Post(
            "Elif",
            "The rules of the oven",
            "We bake on Thursdays after eleven, we leave no crumbs, and we never sign a cake.",
            pinned_by="Grace",
            reactions={"🤫": "Ada Grace Hugo"},
            comments=(Comment("Hugo", "And whoever is caught was sleepwalking."),),
        ),
        Post(
            "Grace",
            "Apple or walnut?",
            "For the library on Friday. I have apples from the garden, and Hugo has a cousin with "
            "a walnut tree.",
            tags=("recipes",),
            reactions={"🍎": "Ada Elif", "🌰": "Hugo"},
            comments=(
                Comment("Ada", "Apple. People read badly with walnuts in their teeth."),
                Comment("Hugo", "I withdraw the walnuts."),
            ),
        ),
        Post(
            "Hugo",
            "Nearly caught",
            "The night guard came by while the second tray was in. I told him it was chemistry. He "
            "asked for the recipe.",
            reactions={"😂": "Ada Elif Grace"},
            comments=(Comment("Grace", "It is chemistry.", reactions={"💯": "Ada Elif Hugo"}),),
        ),
        Post(
            "Ada",
            "A cake for the clock tower",
            "Thirteen candles on Sunday, before they repair it.",
            tags=("recipes",),
            reactions={"🕯️": "Elif Grace Hugo"},
            comments=(
                Comment("Elif", "I have the key to the stairs. Don't ask."),
                Comment("Grace", "I'll draw the clock face in icing."),
            ),
        ),
    ),
)

GROUPS = (COMMONS, ROBOTICS, BAKERS)


def exist(connection: psycopg.Connection) -> bool:
    """Whether the founder has a group, whatever has become of it since."""
    mine = groups.Querier(connection).group_list(
        actor=_FOUNDER, campus_id=None, tag=None, visibility=None, mine=True, limit=100,
        before=None, after=None,
    )  # fmt: skip
    return any(group.created_by == _FOUNDER for group in mine)


def make(connection: psycopg.Connection) -> bool:
    """Make the example data unless it is there; says whether it was made."""
    connection.execute("set role communities_job")
    if exist(connection):
        return False
    with (
        display.bar(
            "example data", sum(size(post) for group in GROUPS for post in group.posts)
        ) as advance,
        connection.transaction(),
    ):
        maker = _Maker(connection, advance)
        maker.tags()
        made = {group.name: maker.group(group) for group in GROUPS}
        maker.story(made[COMMONS.name], made[ROBOTICS.name], made[BAKERS.name])
    return True


def size(item: Post | Comment) -> int:
    below = item.comments if isinstance(item, Post) else item.replies
    return 1 + sum(size(comment) for comment in below)


class _Maker:
    """Makes each thing as the person who would have made it."""

    def __init__(self, connection: psycopg.Connection, advance: display.Advance) -> None:
        self._connection = connection
        self._advance = advance
        self._posts = posts.Querier(connection)
        self._comments = comments.Querier(connection)
        self._members = members.Querier(connection)
        self._reactions = reactions.Querier(connection)

    def tags(self) -> None:
        querier = tags.Querier(self._connection)
        for tag in TAGS:
            try:
                with self._connection.transaction():
                    querier.tag_create(actor=_FOUNDER, tag=tag)
            except psycopg.Error as error:
                if error.diag.message_hint != "duplicate_tag":
                    raise

    def group(self, group: Group) -> uuid.UUID:
        try:
            made = groups.Querier(self._connection).group_create(
                actor=ID[group.owner],
                name=group.name,
                visibility=group.visibility,
                slug=group.slug,
                description=group.description,
                campus_id=group.campus,
                tags=[*group.tags],
                avatar_key=None,
                cover_key=None,
            )
        except psycopg.Error as error:
            if error.diag.message_hint != "slug_taken":
                raise
            raise Failure(f"another group has the slug {group.slug} of an example") from None
        assert made is not None
        for name, role in group.members.items():
            self._members.member_put(
                actor=ID[group.owner], group_id=made.id, user_id=ID[name], role=role
            )
        for post in group.posts:
            self._post(made.id, post)
        return made.id

    def story(self, commons: uuid.UUID, robotics: uuid.UUID, bakers: uuid.UUID) -> None:
        """What happened later: somebody was muted, banned, asks to join, is invited."""
        self._members.member_mute(
            actor=ID["Chloe"],
            group_id=commons,
            user_id=ID["Ines"],
            until=datetime.now(UTC) + timedelta(days=365),
        )
        self._members.member_ban(
            actor=ID["Ben"],
            group_id=commons,
            user_id=ID["Jonas"],
            reason="Sold concert tickets that did not exist.",
            until=None,
        )
        self._members.group_join(actor=ID["Grace"], group_id=robotics)
        invitations.Querier(self._connection).invite_create(
            actor=ID["Grace"],
            group_id=bakers,
            user_id=ID["Farid"],
            role="member",
            max_uses=1,
            expires_at=None,
        )

    def _post(self, group_id: uuid.UUID, post: Post) -> None:
        made = self._posts.post_create(
            actor=ID[post.author],
            group_id=group_id,
            body=post.body,
            title=post.title,
            topic_tags=[*post.tags],
        )
        assert made is not None
        self._step()
        for comment in post.comments:
            self._comment(made.id, None, comment)
        self._react("post", made.id, post.reactions)
        if post.pinned_by is not None:
            self._posts.post_set_pinned(actor=ID[post.pinned_by], post_id=made.id, pinned=True)

    def _comment(self, post_id: uuid.UUID, parent_id: uuid.UUID | None, comment: Comment) -> None:
        made = self._comments.comment_create(
            actor=ID[comment.author], post_id=post_id, body=comment.body, parent_id=parent_id
        )
        assert made is not None
        self._step()
        self._react("comment", made.id, comment.reactions)
        for reply in comment.replies:
            self._comment(post_id, made.id, reply)

    def _react(self, subject_type: str, subject_id: uuid.UUID, given: Reactions) -> None:
        for emoji, names in given.items():
            for name in names.split():
                self._reactions.reaction_add(
                    actor=ID[name], subject_type=subject_type, subject_id=subject_id, emoji=emoji
                )

    def _step(self) -> None:
        self._advance(1)
        # All of one transaction has one time. Ids hold the millisecond, and keep a thread's order.
        time.sleep(0.001)
