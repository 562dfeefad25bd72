/* SPDX-License-Identifier: MIT */
/*
 * MESSAGE_ID of each kind of journal record. They are an interface and never change.
 * systemd/unlinkwatchd.catalog has an entry for each, which `journalctl -x` shows.
 */
#ifndef UW_MESSAGE_IDS_H
#define UW_MESSAGE_IDS_H

#define UW_ID_DELETED	      "a6c751c249b34f8faa0766c0d92d85c6"
#define UW_ID_FAILED	      "127b0dfe915e4bfa82c4947e1edbf697"
#define UW_ID_MOVED	      "50fcdba403f040b1921c6db500e1da40"
#define UW_ID_UNKNOWN	      "19d13c0bf1d740bfbf88fbb9cfce59d8"
#define UW_ID_LOSS	      "d250303bc46f4c998030df4a7ed8cba1"
#define UW_ID_STORM	      "925b2cc9a18c4b0eadfea7aff523b595"
#define UW_ID_CONFIG_ACCEPTED "b1bb670d007a44548bedcda6e7647afd"
#define UW_ID_CONFIG_REJECTED "081240c13d574be7b97f172458373651"
#define UW_ID_STARTED	      "c161085fe1c64fa5887d2c6faeac2f4d"
#define UW_ID_CONTINUED	      "97b5a69c36c640c8a95eeb8a1d721e05"
#define UW_ID_STOPPED	      "f99c8f913ee441b5875e79c1df369483"
#define UW_ID_BLIND	      "7b78a763f7d74366a36f275e2f0e0ebe"
#define UW_ID_SEES_AGAIN      "cb35640ace5848098253b2120de8b7f9"

#endif
