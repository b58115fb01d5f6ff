-- The audit log: one row a job, each bound to the one before it by its hash, as in the Redis stream `audit`.
-- Only the service role may read and add; nobody may change or remove, not even that.

-- The event as JSON for queries; nothing where PostgreSQL's JSON cannot hold it, such as a NUL in a text. `event` has it as it came in any case.
create function public.audit_log_json(event text) returns jsonb
language plpgsql immutable strict set search_path = '' as $$
begin
  return event::jsonb;
exception when others then
  return null;
end
$$;

create table public.audit_log (
  job_id      text primary key,
  stream_id   text not null,
  time_ms     bigint not null,
  event       text not null,
  previous    text not null check (previous ~ '^[0-9a-f]{64}$'),
  hash        text not null check (hash ~ '^[0-9a-f]{64}$'),
  event_json  jsonb generated always as (public.audit_log_json(event)) stored,
  inserted_at timestamptz not null default now()
);
comment on table public.audit_log is 'Holdfast''s audit log: written by the job audit_log_created, once a job.';
comment on column public.audit_log.stream_id is 'The record''s id in the Redis stream: the order of the log.';
comment on column public.audit_log.hash is 'SHA-256 over the record and the hash of the one before; see audit_log_broken().';

create index audit_log_time on public.audit_log (time_ms);
create index audit_log_event on public.audit_log using gin (event_json jsonb_path_ops);

alter table public.audit_log enable row level security;
alter table public.audit_log force row level security;
revoke all on public.audit_log from public, anon, authenticated, service_role;
grant select, insert on public.audit_log to service_role;

create function public.audit_log_is_append_only() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_log_is_append_only before update or delete or truncate on public.audit_log
  for each statement execute function public.audit_log_is_append_only();

-- Rows that do not fit: whose content is not what was hashed, or that follow no row that is here though they are not the first.
-- Rows arrive in the order in which their jobs are done, so the newest may wait for the one before them for a moment.
create function public.audit_log_broken() returns table (job_id text, reason text)
language sql stable set search_path = '' as $$
  select job_id, 'the content is not what was hashed'
  from public.audit_log
  where hash <> pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(
    E'\n', 'holdfast-audit-1', previous, time_ms::text, job_id, event), 'UTF8')), 'hex')
  union all
  select job_id, 'the record before it is missing'
  from public.audit_log record
  where previous <> pg_catalog.repeat('0', 64)
    and not exists (select from public.audit_log earlier where earlier.hash = record.previous)
$$;
revoke execute on function public.audit_log_broken() from public, anon, authenticated;
grant execute on function public.audit_log_broken() to service_role;

create index audit_log_hash on public.audit_log (hash);
