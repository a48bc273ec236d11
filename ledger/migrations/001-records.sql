-- The records, and the newest one apart from them, so that a cut at the end is seen.
create table tidegate.records (
  seq bigint primary key,
  id text collate "C" not null unique,
  at text collate "C" not null,
  recorded_at text collate "C" not null,
  rollout text collate "C" not null,
  kind text collate "C" not null,
  subject text,
  actor text,
  -- Canonical JSON, as it was hashed.
  body text not null,
  prev_hash text not null,
  hash text not null
);

create index records_of_rollout on tidegate.records (rollout, seq);
create index records_of_kind on tidegate.records (kind, seq);

create table tidegate.head (
  one boolean primary key default true check (one),
  seq bigint not null,
  hash text not null
);

insert into tidegate.head (seq, hash) values (0, repeat('0', 64));
