SELECT * FROM read_csv(?)
