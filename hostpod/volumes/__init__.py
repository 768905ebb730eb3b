"""A pod's files: volumes, mounts, subPath and the files every pod has (/etc/hosts, resolv.conf, /dev/shm)."""
