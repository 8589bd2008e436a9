using Google.Protobuf;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>A certificate from the authority with its key and the roots that it named. Immutable; any thread.</summary>
internal sealed record IssuedCertificate
{
    /// <summary>PEM: the workload's own certificate, those between, the root.</summary>
    public required ByteString Chain { get; init; }

    /// <summary>PEM. Never to be logged.</summary>
    public required ByteString Key { get; init; }

    /// <summary>PEM of one or more roots.</summary>
    public required string Roots { get; init; }

    /// <summary>When it came.</summary>
    public required DateTimeOffset Received { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>Its SPIFFE ids; one, if the authority follows the standard.</summary>
    public required IReadOnlyList<string> Uris { get; init; }

    /// <summary>When it is to be renewed.</summary>
    /// <param name="ratio">The part of its life that it still has then.</param>
    /// <param name="jitter">The part of its life by which that moment is moved to and fro.</param>
    /// <param name="random">From 0 to 1.</param>
    public DateTimeOffset RenewAt(double ratio, double jitter, double random)
    {
        double grace = Math.Clamp(ratio + (jitter * ((2 * random) - 1)), 0, 1);

        // Its life is what we have of it: authorities date certificates back, against clocks that are late.
        return NotAfter - ((NotAfter - Received) * grace);
    }
}
