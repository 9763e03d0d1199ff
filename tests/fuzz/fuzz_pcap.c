/* Fuzzes the readers of capture files and the reassembly of fragments.
 * SPDX-License-Identifier: Apache-2.0 */
#include "file_input.h"
#include "rx/pcap.h"
#include "rx/rx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account account;
	static volatile uint8_t sum;
	struct datagram datagrams[RX_BATCH];
	char path[64], error[512];
	int fd = file_input(data, size, path, sizeof(path));
	struct pcap *p;
	unsigned n;

	if (fd < 0)
		return 0;
	if (pcap_open(&p, path, NULL, error, sizeof(error)) == 0) {
		while ((n = pcap_receive(p, datagrams, RX_BATCH, &account))) {
			/* Touches every byte that is said to be there. */
			for (unsigned i = 0; i < n; i++)
				for (uint32_t k = 0; k < datagrams[i].len; k++)
					sum = (uint8_t)(sum + datagrams[i].data[k]);
			pcap_release(p);
		}
		pcap_close(p);
	}
	close(fd);
	return 0;
}
