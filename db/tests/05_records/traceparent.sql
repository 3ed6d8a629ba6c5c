-- Spans of events. Proves rule 05.6.
begin;
select plan(4);

select make_user('ana');
set local role communities_job;

select api.create_group(the('ana'), 'Untraced', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'), null,
  'An event of a transaction without a span has no traceparent'
);
select set_config(
  'communities.traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', true
);
select api.create_group(the('ana'), 'Traced', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'),
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'An event has the span that its transaction sets'
);
select is(
  look('select payload ? ''traceparent'' from outbox_event order by id desc limit 1'), 'false',
  'The payload of an event omits the span'
);
select set_config('communities.traceparent', '00-0AF7-b7ad6b7169203331-01', true);
select api.create_group(the('ana'), 'Malformed', 'public');
select is(
  look('select traceparent from outbox_event order by id desc limit 1'), null,
  'A malformed span is ignored'
);

select * from finish();
rollback;
