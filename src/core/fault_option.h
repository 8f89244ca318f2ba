/* SPDX-License-Identifier: MIT */
/* fault_option.h: deliberate faults, compiled in only to see that the tests find them.
 *
 * BIDE__FAULT(NAME) is 0, unless the build was given -DBIDE_FAULT=NAME. */
#ifndef BIDE_CORE_FAULT_OPTION_H
#define BIDE_CORE_FAULT_OPTION_H

#define BIDE__FAULT_LIFO_READY 1   /* the ready queue is last-in first-out */
#define BIDE__FAULT_LEAKY_SHIELD 2 /* a shield does not hold */
#define BIDE__FAULT_LOST_WAKE 3    /* a cancellation skips the wake-up */
#define BIDE__FAULT_SHORT_COPY 4   /* light frames are copied one word short */

#ifdef BIDE_FAULT
#define BIDE__FAULT_CAT_(name) BIDE__FAULT_##name
#define BIDE__FAULT_CAT(name) BIDE__FAULT_CAT_(name)
#define BIDE__FAULT(name) (BIDE__FAULT_##name == BIDE__FAULT_CAT(BIDE_FAULT))
#else
#define BIDE__FAULT(name) 0
#endif

#endif
