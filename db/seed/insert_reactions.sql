-- Adds the reactions of a batch.
insert into reaction (id, group_id, post_id, subject_type, subject_id, user_id, emoji, created_at)
select id, group_id, post_id, subject_type, subject_id, user_id, emoji, created_at
from bulk_reaction
