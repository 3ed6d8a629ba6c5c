-- The trace that an event carries. Proves rule 05.6.
begin;
select plan(4);

select make_user('ana');
set local role communities_job;

select api.create_group(the('ana'), 'Untraced', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'), null,
  'An event of nobody who traces carries no span'
);
select set_config(
  'communities.traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', true
);
select api.create_group(the('ana'), 'Traced', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'),
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'An event carries the span that its transaction names'
);
select is(
  look('select payload ? ''traceparent'' from outbox_event order by id desc limit 1'), 'false',
  'What is told of the event does not change by that'
);
select set_config('communities.traceparent', '00-0AF7-b7ad6b7169203331-01', true);
select api.create_group(the('ana'), 'Malformed', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'), null,
  'A malformed span is none'
);

select * from finish();
rollback;
