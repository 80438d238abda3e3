-- The table is made with the others, so it is always there.
SELECT 'registry_plan'
