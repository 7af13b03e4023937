module cloudcafe.dev/runc-local

go 1.26.4
