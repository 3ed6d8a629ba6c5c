-- Shapes: the results of the doors. A view names the fields of a shape in order, and the …_shape
-- function builds it from a row. Fields that depend on the viewer are null if p_viewer is null, as
-- in events. They are false or null for the nil UUID, which stands for anonymous callers.
-- The planner inlines the …_shape functions, so that a call costs no more than its expressions.

create function api.viewer(p_actor uuid)
returns uuid
language sql immutable
return coalesce(p_actor, '00000000-0000-0000-0000-000000000000');
comment on function api.viewer(uuid) is
  'Returns the viewer for a caller: the nil UUID for anonymous ones (rule 04.14).';

create function api.signed(p_key text)
returns text
language sql immutable
return 's3:' || p_key;
comment on function api.signed(text) is
  'Returns the placeholder s3:<key>, which HTTP and sockets replace by a signed URL (rule 03.4).';

-- Groups and members ------------------------------------------------------------------------------

create view api.groups as
select
  id, name, slug, description, visibility, campus_id,
  null::text as avatar_url, null::text as cover_url,
  tags, is_locked, members_count, null::text as role,
  created_by, created_at, updated_at, deleted_at
from public.group_entity;
comment on view api.groups is 'Shape of a group; role is the viewer''s own (rule 03.2).';

create function api.group_shape(p_row public.group_entity, p_viewer uuid)
returns setof api.groups
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.name, p_row.slug, p_row.description, p_row.visibility, p_row.campus_id,
    api.signed(p_row.avatar_key), api.signed(p_row.cover_key),
    p_row.tags, p_row.is_locked, p_row.members_count,
    (
      select m.role from public.group_member as m
      where m.group_id = p_row.id and m.user_id = p_viewer and m.left_at is null
    ),
    p_row.created_by, p_row.created_at, p_row.updated_at, p_row.deleted_at;
end;
comment on function api.group_shape(public.group_entity, uuid) is
  'Returns a group as the viewer sees it (rules 03.1 and 03.2).';

create function api.is_ban_active(p_is_banned boolean, p_until timestamptz)
returns boolean
language sql stable
return p_is_banned and (p_until is null or p_until > now());
comment on function api.is_ban_active(boolean, timestamptz) is
  'Returns whether a ban is in force now (rules 03.7 and 04.3).';

create view api.members as
select
  id, group_id, user_id, role, joined_at, muted_until,
  is_banned, ban_reason, banned_until, created_at
from public.group_member;
comment on view api.members is 'Shape of a member, and of a banned user.';

create function api.member_shape(p_row public.group_member)
returns setof api.members
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.group_id, p_row.user_id, p_row.role, p_row.joined_at, p_row.muted_until,
    b.active, case when b.active then p_row.ban_reason end,
    case when b.active then p_row.banned_until end, p_row.created_at
  from (select api.is_ban_active(p_row.is_banned, p_row.banned_until) as active) as b;
end;
comment on function api.member_shape(public.group_member) is
  'Returns a member or banned user, without an expired ban (rule 03.7).';

create view api.invites as
select id, group_id, code, user_id, role, max_uses, uses, expires_at, created_by, created_at
from public.group_invite;
comment on view api.invites is 'Shape of an invitation.';

create view api.join_requests as
select id, group_id, user_id, status, created_at
from public.join_request;
comment on view api.join_requests is 'Shape of a request to join.';

-- Posts, comments and their parts -----------------------------------------------------------------

create view api.media as
select
  id, subject_type, subject_id, s3_key as key, null::text as url, mime, size_bytes, width, height,
  created_by, created_at
from public.media_attachment;
comment on view api.media is 'Shape of an attachment.';

create function api.media_shape(p_row public.media_attachment)
returns setof api.media
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.subject_type, p_row.subject_id, p_row.s3_key, api.signed(p_row.s3_key),
    p_row.mime, p_row.size_bytes, p_row.width, p_row.height, p_row.created_by, p_row.created_at;
end;
comment on function api.media_shape(public.media_attachment) is
  'Returns an attachment, with a placeholder for its signed URL (rule 03.4).';

create function api.media_of(p_subject_type text, p_subject_id uuid)
returns json
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return (
    select coalesce(json_agg(row_to_json(d) order by d.created_at, d.id), '[]')
    from media_attachment as a cross join lateral media_shape(a) as d
    where a.subject_type = p_subject_type and a.subject_id = p_subject_id
  );
end
$$;
comment on function api.media_of(text, uuid) is
  'Returns the attachments of a subject, oldest first (rule 03.6).';

create function api.reactions_of(p_subject_type text, p_subject_id uuid, p_viewer uuid, p_most int)
returns json
language plpgsql stable
set search_path = public, api, pg_temp
set plan_cache_mode = force_generic_plan -- the limit would cause a custom plan for each call
as $$
begin
  return (
    select coalesce(json_agg(row_to_json(t)), '[]')
    from (
      select
        c.emoji, c.count,
        case
          when p_viewer is not null then c.emoji = any (array(
            select r.emoji from reaction as r
            where r.subject_type = p_subject_type and r.subject_id = p_subject_id
              and r.user_id = p_viewer
          ))
        end as reacted
      from (
        select emoji, count from reaction_count
        where subject_type = p_subject_type and subject_id = p_subject_id and count > 0
        order by count desc, emoji
        limit p_most
      ) as c
    ) as t
  );
end
$$;
comment on function api.reactions_of(text, uuid, uuid, int) is
  'Counts the reactions to a subject by emoji, most used first and at most p_most emoji. reacted '
  'is true for the emoji that the viewer used (rules 03.2 and 03.3).';

create view api.posts as
select
  id, group_id, author_id, title, body, topic_tags, '[]'::json as media, '[]'::json as reactions,
  media_count, reactions_count, comments_count, is_pinned,
  created_at, updated_at, edited_at, deleted_at
from public.post;
comment on view api.posts is 'Shape of a post; reacted is the viewer''s own (rule 03.2).';

create function api.post_shape(p_row public.post, p_viewer uuid)
returns setof api.posts
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.group_id, p_row.author_id, p_row.title, p_row.body, p_row.topic_tags,
    case when p_row.media_count = 0 then '[]' else api.media_of('post', p_row.id) end,
    case
      when p_row.reactions_count = 0 then '[]'
      else api.reactions_of('post', p_row.id, p_viewer, 20)
    end,
    p_row.media_count, p_row.reactions_count, p_row.comments_count, p_row.is_pinned,
    p_row.created_at, p_row.updated_at, p_row.edited_at, p_row.deleted_at;
end;
comment on function api.post_shape(public.post, uuid) is
  'Returns a post as the viewer sees it (rules 03.1 and 03.3).';

create view api.comments as
select
  id, post_id, parent_id, author_id, body, depth, reactions_count,
  '[]'::json as reactions, '[]'::json as media,
  created_at, updated_at, edited_at, deleted_at
from public.comment;
comment on view api.comments is 'Shape of a comment; reacted is the viewer''s own (rule 03.2).';

create function api.comment_shape(p_row public.comment, p_viewer uuid)
returns setof api.comments
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.post_id, p_row.parent_id, p_row.author_id, p_row.body, p_row.depth,
    p_row.reactions_count,
    case
      when p_row.reactions_count = 0 then '[]'
      else api.reactions_of('comment', p_row.id, p_viewer, 20)
    end,
    case when p_row.media_count = 0 then '[]' else api.media_of('comment', p_row.id) end,
    p_row.created_at, p_row.updated_at, p_row.edited_at, p_row.deleted_at;
end;
comment on function api.comment_shape(public.comment, uuid) is
  'Returns a comment as the viewer sees it (rules 03.1 and 03.3).';

create function api.comment_in_list(p_row public.comment, p_viewer uuid)
returns setof api.comments
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.post_id, p_row.parent_id, case when not t.is_deleted then p_row.author_id end,
    case when not t.is_deleted then p_row.body else '' end, p_row.depth,
    case when not t.is_deleted then p_row.reactions_count else 0 end,
    case
      when p_row.reactions_count = 0 or t.is_deleted then '[]'
      else api.reactions_of('comment', p_row.id, p_viewer, 20)
    end,
    case
      when p_row.media_count = 0 or t.is_deleted then '[]'
      else api.media_of('comment', p_row.id)
    end,
    p_row.created_at, p_row.updated_at, case when not t.is_deleted then p_row.edited_at end,
    p_row.deleted_at
  from (select p_row.deleted_at is not null as is_deleted) as t;
end;
comment on function api.comment_in_list(public.comment, uuid) is
  'Returns a comment as lists show it: a deleted one as a tombstone, without author and content '
  '(rule 03.5).';

create view api.reactions as
select id, subject_type, subject_id, user_id, emoji, created_at
from public.reaction;
comment on view api.reactions is 'Shape of a reaction.';

create view api.tags as
select id, tag, posts_count, created_at
from public.topic_tag;
comment on view api.tags is
  'Shape of a topic tag; posts_count counts posts of public groups that are not deleted (rule '
  '81.1).';

create view api.audit_entries as
select id, group_id, actor_id, action, subject_type, subject_id, before, after, created_at
from public.audit_log;
comment on view api.audit_entries is 'Shape of an entry of the audit log.';

create view api.answers as
select 200 as status, '{}'::json as body;
comment on view api.answers is
  'Shape of the answer of a function that also chooses the HTTP status.';
