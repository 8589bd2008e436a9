using Xunit;

namespace Pilotfish.Proxy.Tests.Memory;

/// <summary>Tests that read the size of the whole managed heap: no other test may run beside them.</summary>
[CollectionDefinition(nameof(MemoryMeasurements), DisableParallelization = true)]
public sealed class MemoryMeasurements;
