namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>Tests that measure run alone, after the others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LoadCollection
{
    public const string Name = "load";
}
