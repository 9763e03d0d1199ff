/* LZ4 that is quicker than librdkafka has it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_KAFKA_LZ4_H
#define WEIR_KAFKA_LZ4_H

/* The compression level of librdkafka's that stands for it. */
int kafka_lz4_fast_level(void);

#endif
