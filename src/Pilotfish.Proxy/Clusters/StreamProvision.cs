namespace Pilotfish.Proxy.Clusters;

/// <summary>
/// Streams at some connections: those that wait for one, those under way, and how many more the connections can take, also those that are
/// yet to be established.
/// </summary>
internal readonly record struct StreamProvision(long Pending, long Active, long Capacity)
{
    /// <summary>Whether another connection is to be opened for what the ratio foresees.</summary>
    /// <param name="ratio">Streams to be ready for, per stream.</param>
    /// <param name="anticipates">Whether a stream is about to be added.</param>
    public bool IsShort(double ratio, bool anticipates) =>
        (Pending + Active + (anticipates ? 1 : 0)) * ratio > Capacity + Active;

    public static StreamProvision operator +(StreamProvision one, StreamProvision other) =>
        new(one.Pending + other.Pending, one.Active + other.Active, one.Capacity + other.Capacity);

    public static StreamProvision operator -(StreamProvision one, StreamProvision other) =>
        new(one.Pending - other.Pending, one.Active - other.Active, one.Capacity - other.Capacity);
}
