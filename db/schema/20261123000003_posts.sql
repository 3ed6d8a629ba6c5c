-- migrate:up

set local role communities_owner;

-- "C" sorts and compares bytes, so that the unique index also serves prefix searches.
create table public.topic_tag (
  id uuid primary key default public.uuid_v7(),
  tag text collate "C" not null unique check (char_length(tag) between 1 and 50),
  posts_count int not null default 0 check (posts_count >= 0),
  created_at timestamptz not null default now()
);
comment on table public.topic_tag is 'Topic tags that anyone may know.';

create index idx_tag_created on public.topic_tag (created_at, id);

create table public.post (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  author_id uuid not null,
  title text null check (char_length(title) <= 140),
  body text not null check (char_length(body) between 1 and 40000),
  topic_tags text[] not null default '{}' check (cardinality(topic_tags) <= 10),
  media_count smallint not null default 0 check (media_count between 0 and 10),
  reactions_count int not null default 0 check (reactions_count >= 0),
  comments_count int not null default 0 check (comments_count >= 0),
  is_pinned boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  edited_at timestamptz null,
  deleted_at timestamptz null
) with (fillfactor = 85);
comment on table public.post is 'Posts. The free space of a page keeps counter updates in it.';

create index idx_post_group_created on public.post (group_id, created_at desc, id desc)
  where deleted_at is null;
create index idx_post_group_deleted on public.post (group_id, created_at desc, id desc)
  where deleted_at is not null;
create index idx_post_group_pinned on public.post (group_id, created_at desc, id desc)
  where deleted_at is null and is_pinned;
create index idx_post_author on public.post (author_id, created_at desc, id desc)
  where deleted_at is null;
create index idx_post_topic_tags_gin on public.post using gin (topic_tags)
  where deleted_at is null and topic_tags <> '{}';

-- is_listed: lives, or has a living reply anywhere below and so stays in the list as a tombstone.
create table public.comment (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null,
  post_id uuid not null references public.post (id) on delete cascade,
  author_id uuid not null,
  parent_id uuid null references public.comment (id) on delete set null,
  body text not null check (char_length(body) between 1 and 10000),
  depth smallint not null default 0 check (depth between 0 and 5),
  media_count smallint not null default 0 check (media_count between 0 and 3),
  reactions_count int not null default 0 check (reactions_count >= 0),
  is_listed boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  edited_at timestamptz null,
  deleted_at timestamptz null,
  constraint comment_living_is_listed check (is_listed or deleted_at is not null)
) with (fillfactor = 90);
comment on table public.comment is 'Comments and their replies.';

create index idx_comment_post_created on public.comment (post_id, created_at, id);
create index idx_comment_parent_created on public.comment (parent_id, created_at, id);
create index idx_comment_post_deleted on public.comment (post_id, created_at, id)
  where deleted_at is not null;
create index idx_comment_author on public.comment (author_id, created_at desc, id desc);

-- No foreign key: a subject is a post or a comment. A key-share lock on a hot post for each reaction
-- would delay its writers. A trigger removes the reactions of a removed subject.
create table public.reaction (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null,
  post_id uuid not null,
  subject_type text not null check (subject_type in ('post', 'comment')),
  subject_id uuid not null,
  user_id uuid not null,
  emoji text not null check (char_length(emoji) between 1 and 16),
  created_at timestamptz not null default now(),
  unique (subject_type, subject_id, user_id, emoji)
);
comment on table public.reaction is 'Emoji reactions to posts and comments.';

create index idx_reaction_subject on public.reaction (subject_type, subject_id, created_at, id);
create index idx_reaction_user on public.reaction (user_id);

-- How often each emoji stands under a subject: a page of posts must not count a million reactions.
create table public.reaction_count (
  subject_type text not null,
  subject_id uuid not null,
  emoji text collate "C" not null,
  count int not null check (count >= 0),
  primary key (subject_type, subject_id, emoji)
) with (fillfactor = 80);
comment on table public.reaction_count is 'Reactions of each emoji for each subject.';

create table public.media_attachment (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null,
  post_id uuid null,
  subject_type text not null check (subject_type in ('post', 'comment', 'group')),
  subject_id uuid not null,
  s3_key text not null unique,
  mime text not null,
  size_bytes int not null check (size_bytes between 1 and 104857600),
  width int null check (width > 0),
  height int null check (height > 0),
  created_by uuid not null,
  created_at timestamptz not null default now()
);
comment on table public.media_attachment is 'Uploaded objects that belong to a subject.';

create index idx_media_subject on public.media_attachment (subject_type, subject_id, created_at, id);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.media_attachment;
drop table public.reaction_count;
drop table public.reaction;
drop table public.comment;
drop table public.post;
drop table public.topic_tag;
