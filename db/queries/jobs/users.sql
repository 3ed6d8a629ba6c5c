-- name: UserExport :many
select * from api.export_user(p_user_id => @user_id);

-- name: UserErase :many
select * from api.erase_user(p_user_id => @user_id);
