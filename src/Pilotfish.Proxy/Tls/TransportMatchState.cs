namespace Pilotfish.Proxy.Tls;

/// <summary>
/// What filters share with the upstream side of the objects that a cluster's transport_socket_matcher looks at: connections made under different
/// values are not interchangeable, so it compares by value. Immutable.
/// </summary>
/// <param name="values">In the order of the selector's keys; null for an object that is not shared, or has no text.</param>
public sealed class TransportMatchState(string?[] values) : IEquatable<TransportMatchState>
{
    public string? this[int key] => values[key];

    public bool Equals(TransportMatchState? other) => other is not null && other.Holds(values);

    public override bool Equals(object? obj) => Equals(obj as TransportMatchState);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (string? value in values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    private bool Holds(string?[] others) => values.AsSpan().SequenceEqual(others);
}
