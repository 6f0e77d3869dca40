-- When a person's request was sent to eBay: what a page that watches it shows as it happens.
alter table refresh_requests add column called_at timestamptz;
