GET @{stage}/{path} {folder}
