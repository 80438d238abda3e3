SET search_path = $1
