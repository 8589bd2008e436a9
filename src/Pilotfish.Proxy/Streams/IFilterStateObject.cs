namespace Pilotfish.Proxy.Streams;

/// <summary>A typed object that filters leave for each other, for the access log and, when shared, for the upstream side.</summary>
public interface IFilterStateObject
{
    /// <summary>The text of <c>%FILTER_STATE(KEY:PLAIN)%</c>, or null when the object has no text form.</summary>
    string? PlainText { get; }

    /// <summary>
    /// The object as the bytes of a google.protobuf.Any, as gRPC access logs carry it; empty when it has no message form.
    /// </summary>
    ReadOnlyMemory<byte> AnyMessage => default;

    /// <summary>Non-null when upstream connections must not be shared between streams whose values differ: part of the pool key.</summary>
    ulong? PoolKeyHash { get; }

    /// <summary>One part of the object by its name (<c>%FILTER_STATE(KEY:FIELD:NAME)%</c>); null where it has no such part.</summary>
    string? Field(string name) => null;
}
