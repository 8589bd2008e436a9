namespace Pilotfish.Api.Messages;

/// <summary>How a message becomes JSON.</summary>
public sealed record JsonPrintOptions
{
    /// <summary>Envoy's admin endpoints: field names as in the proto files, indented.</summary>
    public static JsonPrintOptions EnvoyAdmin { get; } = new() { PreserveProtoFieldNames = true, Indented = true };

    /// <summary>The few of them that print fields at their defaults too: server_info, certs, memory.</summary>
    public static JsonPrintOptions EnvoyAdminWithDefaults { get; } = EnvoyAdmin with { AlwaysPrintsPrimitives = true };

    public static JsonPrintOptions Compact { get; } = new();

    public static JsonPrintOptions Readable { get; } = new() { Indented = true };

    public bool PreserveProtoFieldNames { get; init; }

    /// <summary>Scalars without presence and lists appear even at their default.</summary>
    public bool AlwaysPrintsPrimitives { get; init; }

    public bool Indented { get; init; }

    /// <summary>The types that an <c>Any</c> may name; any other prints as its URL and base64.</summary>
    public MessageTypes? Types { get; init; }
}
