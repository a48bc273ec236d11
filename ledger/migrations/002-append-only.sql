-- A first hurdle, against mistakes. Who owns the tables can take it away; the chain then shows what was done.
create function tidegate.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % of tidegate.% is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

create trigger append_only before update or delete on tidegate.records
  for each row execute function tidegate.refuse_change();
create trigger keep_all before truncate on tidegate.records
  for each statement execute function tidegate.refuse_change();

create trigger keep_head before delete on tidegate.head
  for each row execute function tidegate.refuse_change();
create trigger keep_head_row before truncate on tidegate.head
  for each statement execute function tidegate.refuse_change();
-- The head only moves on.
create trigger move_on before update on tidegate.head
  for each row when (new.seq <= old.seq) execute function tidegate.refuse_change();
