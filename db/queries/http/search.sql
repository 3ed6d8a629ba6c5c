-- name: SearchParse :one
select * from api.parse_search(
  p_actor => sqlc.narg('actor'), p_q => sqlc.narg('q'), p_type => sqlc.narg('type'),
  p_group_id => sqlc.narg('group_id'), p_tag => sqlc.narg('tag'), p_limit => sqlc.arg('limit'),
  p_cursor => sqlc.narg('cursor')
);

-- name: VisibleHitFind :many
select * from api.find_visible_hits(
  p_actor => sqlc.narg('actor'), p_hits => @hits, p_most => @most
);

-- name: HiddenParentFind :many
select api.find_hidden_parents(
  p_actor => sqlc.narg('actor'), p_group_ids => @group_ids::uuid[], p_post_ids => @post_ids::uuid[]
) as id;
