-- Adds the emoji counts of a batch.
insert into reaction_count (subject_type, subject_id, emoji, count)
select subject_type, subject_id, emoji, count(*) from bulk_reaction
group by 1, 2, 3
order by 1, 2, 3
