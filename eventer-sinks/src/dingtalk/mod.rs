//! `dingtalk:URL` tells a DingTalk robot of each event.
