namespace Pilotfish.EndToEnd.Overload;

/// <summary>
/// Tests that hold a process against a bound which it looks at every few milliseconds. They run alone, after the others: on a machine
/// whose cores are taken it would look too late.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredCollection
{
    public const string Name = "Measured";
}
