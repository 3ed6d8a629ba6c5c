-- migrate:up

set local role communities_owner;

-- Brings the rows of earlier versions into the forms that are stored from now on: texts in NFC,
-- folded tags, canonical emoji. A text stays as it is if its NFC form would break a length limit.
-- The functions are copies of those of the schema api, which a migration cannot call.

do $$
begin
  execute format(
    'create collation public.unicode_case (provider = %s, locale = ''C.UTF-8'')',
    case when current_setting('server_version_num')::int >= 170000 then 'builtin' else 'libc' end
  );
end
$$;

create function public.is_blank(p_text text)
returns boolean
language sql immutable
return p_text !~ (
  '[^\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f'
  '\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
  '\U00013430-\U0001343f\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3\U0001d159'
  '\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
);

create function public.remove_invisible(p_text text)
returns text
language sql immutable
return regexp_replace(
  p_text,
  '^[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff]+'
  '|[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff]+$'
  '|[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff]',
  '', 'g'
);

create function public.canonical_emoji(p_emoji text)
returns text
language sql immutable
return regexp_replace(
  normalize(translate(public.remove_invisible(p_emoji), E'\ufe0e\ufe0f', ''), nfc),
  '([#*0-9](?=\u20e3)|['
  '\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u23ed-\u23ef'
  '\u23f1\u23f2\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb\u25fc\u2600-\u2604\u260e'
  '\u2611\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642'
  '\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u2692\u2694-\u2697\u2699\u269b\u269c'
  '\u26a0\u26a7\u26b0\u26b1\u26c8\u26cf\u26d1\u26d3\u26e9\u26f0\u26f1\u26f4\u26f7-\u26f9'
  '\u2702\u2708\u2709\u270c\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734\u2744\u2747'
  '\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299\U0001f170\U0001f171'
  '\U0001f17e\U0001f17f\U0001f202\U0001f237\U0001f321\U0001f324-\U0001f32c\U0001f336'
  '\U0001f37d\U0001f396\U0001f397\U0001f399-\U0001f39b\U0001f39e\U0001f39f'
  '\U0001f3cb-\U0001f3ce\U0001f3d4-\U0001f3df\U0001f3f3\U0001f3f5\U0001f3f7\U0001f43f'
  '\U0001f441\U0001f4fd\U0001f549\U0001f54a\U0001f56f\U0001f570\U0001f573-\U0001f579'
  '\U0001f587\U0001f58a-\U0001f58d\U0001f590\U0001f5a5\U0001f5a8\U0001f5b1\U0001f5b2'
  '\U0001f5bc\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de\U0001f5e1'
  '\U0001f5e3\U0001f5e8\U0001f5ef\U0001f5f3\U0001f5fa\U0001f6cb\U0001f6cd-\U0001f6cf'
  '\U0001f6e0-\U0001f6e5\U0001f6e9\U0001f6f0\U0001f6f3](?![\U0001f3fb-\U0001f3ff]))',
  E'\\1\ufe0f', 'g'
);

create function public.fold_tag(p_tag text)
returns text
language sql immutable
return regexp_replace(
  regexp_replace(
    public.canonical_emoji(
      normalize(
        lower(normalize(public.remove_invisible(p_tag), nfkc) collate public.unicode_case), nfkc
      )
    ),
    '[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'
  ),
  '^(#(?!\ufe0f)|[ \u200c\u200d])+|[ \u200c\u200d]+$', '', 'g'
);

-- Drops bidi controls and what exceeds 50 characters, which a tag cannot have.
create function public.valid_tag(p_tag text)
returns text
language sql immutable
begin atomic
  select case
    when char_length(folded) <= 50 then folded
    else public.fold_tag(left(folded, 49)) -- It may append U+FE0F.
  end
  from public.fold_tag(regexp_replace(p_tag, '[\u202a-\u202e\u2066-\u2069]', '', 'g')) as folded;
end;

create function public.compose_text(p_text text, p_min int, p_max int)
returns text
language sql immutable
return case
  when p_text is nfc normalized then p_text
  when char_length(normalize(p_text, nfc)) between p_min and p_max then normalize(p_text, nfc)
  else p_text
end;

-- The triggers of the schema api, which may be there or not, would count each step.
lock table
  public.group_entity, public.post, public.comment, public.reaction, public.reaction_count,
  public.topic_tag
in share row exclusive mode;
alter table public.group_entity disable trigger user;
alter table public.post disable trigger user;
alter table public.comment disable trigger user;
alter table public.reaction disable trigger user;

-- Emoji --------------------------------------------------------------------------------------------

create table public.emoji_form as
select emoji, canonical
from (
  select emoji, public.canonical_emoji(emoji) as canonical
  from (select distinct emoji from public.reaction) as used
) as forms
where canonical <> emoji or public.is_blank(canonical);

create table public.changed_subject as
select distinct subject_type, subject_id
from public.reaction
where emoji in (select emoji from public.emoji_form);

-- No request can name these reactions any more.
delete from public.reaction
where emoji in (
  select emoji from public.emoji_form
  where public.is_blank(canonical) or char_length(canonical) > 16
);

-- Of a user's reactions to one subject that become equal, the oldest stays.
delete from public.reaction
where id in (
  select id
  from (
    select
      r.id,
      row_number() over (
        partition by r.subject_type, r.subject_id, r.user_id, coalesce(f.canonical, r.emoji)
        order by r.created_at, r.id
      ) as nr
    from public.changed_subject as s
    join public.reaction as r using (subject_type, subject_id)
    left join public.emoji_form as f on f.emoji = r.emoji
  ) as ranked
  where nr > 1
);

update public.reaction as r
set emoji = f.canonical
from public.emoji_form as f
where f.emoji = r.emoji;

delete from public.reaction_count as c
using public.changed_subject as s
where (c.subject_type, c.subject_id) = (s.subject_type, s.subject_id);

insert into public.reaction_count (subject_type, subject_id, emoji, count)
select subject_type, subject_id, emoji, count(*)
from public.changed_subject join public.reaction using (subject_type, subject_id)
group by subject_type, subject_id, emoji;

update public.post as p
set reactions_count = (
  select count(*) from public.reaction where subject_type = 'post' and subject_id = p.id
)
where id in (select subject_id from public.changed_subject where subject_type = 'post');

update public.comment as c
set reactions_count = (
  select count(*) from public.reaction where subject_type = 'comment' and subject_id = c.id
)
where id in (select subject_id from public.changed_subject where subject_type = 'comment');

-- Tags ---------------------------------------------------------------------------------------------

create table public.tag_form as
select tag, case when public.is_blank(folded) then '' else folded end as folded
from (
  select tag, public.valid_tag(tag) as folded
  from (
    select tag collate "C" as tag from public.topic_tag
    union select unnest(topic_tags) from public.post
    union select unnest(tags) from public.group_entity
  ) as used
) as forms
where folded <> tag or public.is_blank(folded);

create function public.fold_tags(p_tags text[])
returns text[]
language sql stable
begin atomic
  select coalesce(array_agg(tag order by nr), '{}')
  from (
    select coalesce(f.folded, t.tag) as tag, min(nr) as nr
    from unnest(p_tags) with ordinality as t (tag, nr)
    left join public.tag_form as f on f.tag = t.tag
    group by 1
  ) as folded
  where tag <> '';
end;

-- The index learns of changed rows from events; without a stream, no client receives them.
with changed as (
  update public.group_entity
  set tags = public.fold_tags(tags), version = nextval('public.row_version')
  where tags && array(select tag from public.tag_form)
  returning id, deleted_at
)
insert into public.outbox_event (group_id, aggregate_type, aggregate_id, event_type, payload)
select id, 'group', id, 'group.updated', '{}' from changed where deleted_at is null;

with changed as (
  update public.post
  set topic_tags = public.fold_tags(topic_tags), version = nextval('public.row_version')
  where topic_tags && array(select tag from public.tag_form)
  returning id, group_id, deleted_at
)
insert into public.outbox_event (group_id, aggregate_type, aggregate_id, event_type, payload)
select group_id, 'post', id, 'post.updated', '{}' from changed where deleted_at is null;

-- Of tags that become equal, the oldest stays.
delete from public.topic_tag
where id in (
  select id
  from (
    select
      t.id, coalesce(f.folded, t.tag) as folded,
      row_number() over (
        partition by coalesce(f.folded, t.tag) order by t.created_at, t.id
      ) as nr
    from public.topic_tag as t left join public.tag_form as f on f.tag = t.tag
  ) as ranked
  where nr > 1 or folded = ''
);

update public.topic_tag as t
set tag = f.folded
from public.tag_form as f
where f.tag = t.tag;

update public.topic_tag as t
set posts_count = (
  select count(*)
  from public.post as p join public.group_entity as g on g.id = p.group_id
  where p.topic_tags @> array[t.tag] and p.topic_tags <> '{}' and p.deleted_at is null
    and g.visibility = 'public' and g.deleted_at is null
)
where tag in (select folded from public.tag_form);

-- Texts --------------------------------------------------------------------------------------------

with changed as (
  update public.group_entity
  set
    name = public.compose_text(name, 3, 80),
    description = public.compose_text(description, 0, 2000),
    version = nextval('public.row_version')
  where (name is not nfc normalized or description is not nfc normalized)
    and (name, description)
      <> (public.compose_text(name, 3, 80), public.compose_text(description, 0, 2000))
  returning id, deleted_at
)
insert into public.outbox_event (group_id, aggregate_type, aggregate_id, event_type, payload)
select id, 'group', id, 'group.updated', '{}' from changed where deleted_at is null;

with changed as (
  update public.post
  set
    title = public.compose_text(title, 1, 140),
    body = public.compose_text(body, 1, 40000),
    version = nextval('public.row_version')
  where (title is not nfc normalized or body is not nfc normalized)
    and (coalesce(title, ''), body) is distinct from
      (coalesce(public.compose_text(title, 1, 140), ''), public.compose_text(body, 1, 40000))
  returning id, group_id, deleted_at
)
insert into public.outbox_event (group_id, aggregate_type, aggregate_id, event_type, payload)
select group_id, 'post', id, 'post.updated', '{}' from changed where deleted_at is null;

with changed as (
  update public.comment
  set body = public.compose_text(body, 1, 10000), version = nextval('public.row_version')
  where body is not nfc normalized and body <> public.compose_text(body, 1, 10000)
  returning id, group_id, deleted_at
)
insert into public.outbox_event (group_id, aggregate_type, aggregate_id, event_type, payload)
select group_id, 'comment', id, 'comment.updated', '{}' from changed where deleted_at is null;

alter table public.reaction enable trigger user;
alter table public.comment enable trigger user;
alter table public.post enable trigger user;
alter table public.group_entity enable trigger user;

drop function public.fold_tags(text[]);
drop table public.emoji_form, public.changed_subject, public.tag_form;
drop function public.compose_text(text, int, int);
drop function public.valid_tag(text);
drop function public.fold_tag(text);
drop function public.canonical_emoji(text);
drop function public.remove_invisible(text);
drop function public.is_blank(text);
drop collation public.unicode_case;

reset role;

-- migrate:down

-- The rows stay in these forms, which earlier versions accept.
drop schema if exists api cascade;
