using Xunit;

namespace Pilotfish.Proxy.Tests;

/// <summary>
/// Tests that measure the process or keep every core busy run alone, when the others have ended: what others allocate would count, and these
/// have limits of time that load would pass.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LoadCollection
{
    public const string Name = "load";
}
