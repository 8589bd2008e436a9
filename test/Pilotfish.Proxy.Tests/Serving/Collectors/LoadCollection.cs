using Xunit;

namespace Pilotfish.Proxy.Tests.Serving.Collectors;

/// <summary>Tests that keep every core busy run when the others have ended: these have limits of time that load would pass.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LoadCollection
{
    public const string Name = "load";
}
