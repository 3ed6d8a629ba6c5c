-- Idempotency: a request repeated under its key has one effect and receives the stored answer.
--
-- The service writes the key, the effect and its answer in one transaction: claim, call, store. An
-- error rolls back all three, so that the next request runs again. A request that must first copy
-- an object in the store reserves the key: reserve, copy, claim, call, store. Only the holder of a
-- reservation copies the object. A reservation ends with the answer, with its release, or after ten
-- seconds, when its holder may have been killed. A holder that takes longer may still claim the
-- key.

create view api.stored_answers as
select status, location, body
from public.idempotency_key;
comment on view api.stored_answers is 'Shape of the stored answer of a request (rule 70.1).';

create function api.claim_idempotency_key(p_actor uuid, p_key text, p_fingerprint text)
returns setof api.stored_answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query select * from take_idempotency_key(p_actor, p_key, p_fingerprint, null);
end
$$;
comment on function api.claim_idempotency_key(uuid, text, text) is
  'Claims a key for the effect of this transaction, and returns no row. Returns the stored answer '
  'if the request succeeded within the last 24 hours. p_fingerprint identifies method, path and '
  'body. Raises unauthenticated, validation_failed, idempotency_key_reused, '
  'idempotency_in_progress (rules 70.1, 70.2, 70.3 and 70.5).';

create function api.reserve_idempotency_key(p_actor uuid, p_key text, p_fingerprint text)
returns setof api.stored_answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    select * from take_idempotency_key(
      p_actor, p_key, p_fingerprint, now() + interval '10 seconds'
    );
end
$$;
comment on function api.reserve_idempotency_key(uuid, text, text) is
  'Reserves a key for ten seconds and returns no row, so that only the caller prepares the '
  'transaction that claims it. Returns the stored answer if one exists. Raises unauthenticated, '
  'validation_failed, idempotency_key_reused, idempotency_in_progress (rule 70.6).';

create function api.take_idempotency_key(
  p_actor uuid, p_key text, p_fingerprint text, p_reserved_until timestamptz
)
returns setof api.stored_answers
language plpgsql volatile
set search_path = public, api, pg_temp
set lock_timeout = '100ms'
as $$
begin
  perform require_actor(p_actor);
  perform reject_invalid(
    case when coalesce(p_key, '') !~ '^[\x21-\x7e]{1,255}$'
      then field_error('Idempotency-Key', 'is not 1 to 255 visible ASCII characters') end
  );
  -- A concurrent request waits here for the transaction that holds the key.
  insert into idempotency_key as k (actor_id, key, fingerprint, reserved_until)
  values (p_actor, p_key, p_fingerprint, p_reserved_until)
  on conflict (actor_id, key) do update
    set
      fingerprint = excluded.fingerprint, status = null, location = null, body = null,
      reserved_until = excluded.reserved_until, created_at = now()
    where k.created_at <= now() - interval '24 hours'
      or k.status is null and k.reserved_until <= now()
      or k.status is null and k.fingerprint = excluded.fingerprint and p_reserved_until is null;
  if not found then
    return query select * from find_stored_answer(p_actor, p_key, p_fingerprint);
  end if;
exception when lock_not_available then
  perform fail('idempotency_in_progress', p_retry_after_seconds => 1);
end
$$;
comment on function api.take_idempotency_key(uuid, text, text, timestamptz) is
  'Claims a key, or reserves it until p_reserved_until. Returns the stored answer if one exists. A '
  'claim takes over a reservation of the same request, or one that has expired. Raises '
  'unauthenticated, validation_failed, idempotency_key_reused, idempotency_in_progress (rules 70.3 '
  'and 70.8).';

create function api.find_stored_answer(p_actor uuid, p_key text, p_fingerprint text)
returns setof api.stored_answers
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_row idempotency_key;
begin
  select * into v_row from idempotency_key where actor_id = p_actor and key = p_key;
  -- Also true without a row: the holder has just released the key.
  if v_row.status is null then
    perform fail('idempotency_in_progress', p_retry_after_seconds => 1);
  end if;
  if v_row.fingerprint <> p_fingerprint then
    perform fail('idempotency_key_reused');
  end if;
  return query select v_row.status, v_row.location, v_row.body;
end
$$;
comment on function api.find_stored_answer(uuid, text, text) is
  'Returns the answer stored under a key. Raises idempotency_in_progress if it does not exist yet, '
  'and idempotency_key_reused if it belongs to another request (rules 70.1, 70.2 and 70.3).';

create function api.release_idempotency_key(p_actor uuid, p_key text, p_fingerprint text)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  delete from idempotency_key
  where (actor_id, key) in (
    select actor_id, key from idempotency_key
    where actor_id = p_actor and key = p_key and fingerprint = p_fingerprint and status is null
    for update skip locked
  );
end
$$;
comment on function api.release_idempotency_key(uuid, text, text) is
  'Ends a reservation whose request was refused, unless a concurrent transaction has claimed the '
  'key. Raises unauthenticated (rules 70.4 and 70.6).';

create function api.store_idempotent_answer(
  p_actor uuid, p_key text, p_status int, p_location text, p_body text
)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  update idempotency_key set status = p_status, location = p_location, body = p_body
  where actor_id = p_actor and key = p_key and status is null;
  if not found then
    perform fail('not_found', 'The key is not claimed.');
  end if;
end
$$;
comment on function api.store_idempotent_answer(uuid, text, int, text, text) is
  'Stores the answer of the request whose key this transaction has claimed. Raises '
  'unauthenticated, not_found (rules 70.4 and 70.9).';

create function api.prune_idempotency_keys(p_most int default 10000)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_pruned int;
begin
  delete from idempotency_key
  where (actor_id, key) in (
    select actor_id, key from idempotency_key
    where created_at <= now() - interval '24 hours'
    order by created_at limit p_most
    for update skip locked
  );
  get diagnostics v_pruned = row_count;
  return v_pruned;
end
$$;
comment on function api.prune_idempotency_keys(int) is
  'Deletes at most p_most keys older than 24 hours. Returns the number of deleted keys (rule '
  '70.7).';
