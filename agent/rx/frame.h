/* From an Ethernet frame to the UDP datagram in it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FRAME_H
#define WEIR_FRAME_H

#include "../flow.h"

enum frame_status { FRAME_OK, FRAME_BAD, FRAME_BAD_CHECKSUM };

/* Finds the UDP payload in a frame that the XDP program steered (Ethernet, up to two VLAN tags,
 * IPv4 without options or IPv6 without extension headers, not a fragment, UDP), and checks the IPv4
 * header and UDP checksums as the kernel would have (RFC 768, 791, 8200 section 8.1). Fills all of
 * *out but received_ns; out->data points into the frame. FRAME_BAD: it is no such frame; nothing
 * beyond `len` is read whatever it holds. */
enum frame_status frame_parse(const uint8_t *frame, uint32_t len, struct datagram *out);

#endif
