DROP FUNCTION IF EXISTS {function}({types})
