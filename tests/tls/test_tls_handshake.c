// SPDX-License-Identifier: MIT
/* What two sides agree upon, and what there is to know of a connection afterwards. */
#include "tls/tls_kit.h"

TLS_TEST(both_sides_agree_on_the_newest_version)
{
	CHECK(net_up());
	CHECK_INT(bide_tls_version(net.client), BIDE_TLS_1_3);
	CHECK_INT(bide_tls_version(net.server), BIDE_TLS_1_3);
	CHECK_STR(bide_tls_cipher(net.client), bide_tls_cipher(net.server));
	CHECK_STR(bide_tls_server_name(net.server), "localhost");
	CHECK(!bide_tls_resumed(net.client));
	CHECK_NULL(bide_tls_alpn(net.client));
	CHECK_INT(bide_tls_alert(net.client), 0);
	CHECK_NULL(bide_tls_detail(net.client));
}

TLS_TEST(either_side_can_insist_on_tls_1_2)
{
	for (int i = 0; i < 2; i++) {
		(i == 0 ? &net.client_options : &net.server_options)->most = BIDE_TLS_1_2;
		CHECK(net_up());
		CHECK_INT(bide_tls_version(net.client), BIDE_TLS_1_2);
		CHECK_INT(bide_tls_version(net.server), BIDE_TLS_1_2);
		net_close();
		net_open();
	}
}

TLS_TEST(versions_that_do_not_meet_are_an_error_of_their_own)
{
	net.client_options.least = BIDE_TLS_1_3;
	net.server_options.most = BIDE_TLS_1_2;
	net_connect();
	CHECK_INT(net.server_rc, -BIDE_ETLS_MISMATCH);
	CHECK_INT(net.client_rc, -BIDE_ETLS_ALERT);
}

TLS_TEST(the_server_chooses_the_protocol_that_it_likes_best)
{
	net.client_options.alpn = "http/1.1,h2";
	net.server_options.alpn = "h3,h2,http/1.1";
	CHECK(net_up());
	CHECK_STR(bide_tls_alpn(net.client), "h2");
	CHECK_STR(bide_tls_alpn(net.server), "h2");
}

TLS_TEST(a_server_without_protocols_chooses_none)
{
	net.client_options.alpn = "h2";
	CHECK(net_up());
	CHECK_NULL(bide_tls_alpn(net.client));
	CHECK_NULL(bide_tls_alpn(net.server));
}

TLS_TEST(no_protocol_in_common_is_refused)
{
	net.client_options.alpn = "h2";
	net.server_options.alpn = "http/1.1";
	net_connect();
	CHECK_INT(net.server_rc, -BIDE_ETLS_MISMATCH);
	CHECK_INT(net.client_rc, -BIDE_ETLS_ALERT);
}

TLS_TEST(both_sides_have_the_same_channel_binding)
{
	unsigned char one[BIDE_TLS_BINDING_SIZE], other[BIDE_TLS_BINDING_SIZE];
	for (int i = 0; i < 2; i++) {
		CHECK(net_up());
		memset(one, 0, sizeof one);
		CHECK_INT(bide_tls_channel_binding(net.client, one), 0);
		CHECK_INT(bide_tls_channel_binding(net.server, other), 0);
		CHECK_MEM(one, other, sizeof one);
		CHECK(one[0] != 0 || one[1] != 0 || one[2] != 0 || one[3] != 0);
		net_close();
		net_open();
		net.client_options.most = BIDE_TLS_1_2;
	}
}

TLS_TEST(a_stream_without_tls_has_nothing_to_tell)
{
	char buf[32];
	net_pair();
	CHECK_INT(bide_tls_version(net.client), -ENOTCONN);
	CHECK_NULL(bide_tls_cipher(net.client));
	CHECK_NULL(bide_tls_alpn(net.client));
	CHECK_NULL(bide_tls_server_name(net.client));
	CHECK(!bide_tls_resumed(net.client));
	CHECK_INT(bide_tls_alert(net.client), -ENOTCONN);
	CHECK_NULL(bide_tls_detail(net.client));
	CHECK_INT(bide_tls_peer_certificate(net.client, buf, sizeof buf), -ENOTCONN);
	CHECK_INT(bide_tls_peer_subject(net.client, buf, sizeof buf), -ENOTCONN);
	CHECK_INT(bide_tls_peer_name(net.client, 0, buf, sizeof buf), -ENOTCONN);
	CHECK_INT(bide_tls_channel_binding(net.client, buf), -ENOTCONN);
}
