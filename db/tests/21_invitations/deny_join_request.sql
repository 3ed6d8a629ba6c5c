-- Denying a request to join. Proves rules 21.1 and 21.2.
begin;
select plan(17);

select make_group('club', 'private');
select make_cast('club');
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select remember('request', look($$ select id from join_request $$)::uuid);
select forget_events();
set local role communities_job;

select outcomes_are(
  'Denying a request', $$select api.deny_join_request(the(%L), the('club'), the('ada'))$$,
  'anonymous unauthenticated, stranger forbidden, ada forbidden, banned banned, '
  'member forbidden, moderator forbidden, admin ok, owner ok'
);
select lives_ok(
  $$ select api.deny_join_request(the('admin'), the('club'), the('ada')) $$, 'A request is denied'
);
select events_are(
  array['join_request.denied'], array['join_request.denied'],
  'Denying has one event and one audit entry'
);
select event_is(
  'join_request.denied', 'admin', 'club', null, 'join_request', 'request',
  'The event has the actor and the subject'
);
select is(event() #>> '{data,status}', 'denied', 'The event has the request');
select throws_code(
  $$ select api.get_member(the('admin'), the('club'), the('ada')) $$, 'PT404', 'not_found',
  'A denied user does not become a member'
);
select throws_code(
  format('select api.deny_join_request(the(''admin''), the(''club''), the(%L))', who),
  'PT404', 'not_found', format('A missing request of %s is not found', who)
)
from unnest(array['ada', 'stranger']) as who;
select is(
  look($$
    select count(*) from join_request where user_id = the('ada') and status = 'denied'
  $$), '1',
  'A denied request is kept'
);
select counters_hold();

select * from finish();
rollback;
