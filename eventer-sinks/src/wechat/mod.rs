//! `wechat:` tells users of a WeCom app of each event.
