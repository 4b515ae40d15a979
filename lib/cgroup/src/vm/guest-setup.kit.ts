/** What is fixed between the virtual machine and its host. */

/** Size of the disk that holds nothing but zeros, which the guest reads to fill its page cache. */
export const DISK_MB = 64;
export const DISK = "/dev/nvme0n1";

/** The ordinary user of the delegated groups. */
export const USER_ID = 1000;
