-- name: UserExport :many
-- Everything that is stored about a user, deleted things included, each with its kind. Raises
-- validation_failed.
select * from api.export_user(p_user_id => @user_id);

-- name: UserErase :many
-- Forgets a user, and tells how many things of each kind. Raises validation_failed, last_owner.
select * from api.erase_user(p_user_id => @user_id);
