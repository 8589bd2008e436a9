using System.Text;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.Router;

/// <summary>
/// Statistics of the responses of one cluster: of those that count, of those that were tried again (`retry.`), and under the names that
/// clients ask for by x-envoy-upstream-alt-stat-name. Any worker.
/// </summary>
internal sealed class ClusterResponses(StatScope scope, string zone)
{
    // Names come from clients, and each is kept for the cluster's life: what asks for more, or for longer ones, has no alternative.
    private const int AlternativesMax = 64;
    private const int NameBytesMax = 128;

    private readonly DividedResponses _responses = new(scope, "", zone);
    private readonly Lock _lock = new();
    private StatusCounters? _retried;

    // Replaced whole, under the lock.
    private volatile Alternative[] _alternatives = [];

    public void Count(StatCells cells, int status, in ResponseOrigin origin, bool hidesStatus)
    {
        _responses.Count(cells, status, in origin, hidesStatus);
        origin.Alternative?.Count(cells, status, in origin, hidesStatus);
    }

    /// <summary>A response is complete.</summary>
    /// <param name="cells">The worker's.</param>
    /// <param name="milliseconds">Since the request was complete.</param>
    /// <param name="origin">Of the request and the response.</param>
    public void Took(StatCells cells, long milliseconds, in ResponseOrigin origin)
    {
        _responses.Took(cells, milliseconds, in origin);
        origin.Alternative?.Took(cells, milliseconds, in origin);
    }

    /// <summary>A response was not passed on but its request tried again.</summary>
    public void CountRetried(StatCells cells, int status, bool hidesStatus)
    {
        StatusCounters retried = _retried ??= new StatusCounters(scope, "retry.");
        if (hidesStatus)
        {
            retried.CountCompleted(cells);
        }
        else
        {
            retried.Count(cells, status);
        }
    }

    /// <summary>Where responses also count that a client gives a name; null for a name that is empty, too long, not printable or one too many.</summary>
    public DividedResponses? Named(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name.Length > NameBytesMax || name.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return null;
        }

        return Find(_alternatives, name) ?? Make(name);
    }

    private static DividedResponses? Find(Alternative[] alternatives, ReadOnlySpan<byte> name)
    {
        foreach (Alternative alternative in alternatives)
        {
            if (name.SequenceEqual(alternative.Name))
            {
                return alternative.Responses;
            }
        }

        return null;
    }

    private DividedResponses? Make(ReadOnlySpan<byte> name)
    {
        lock (_lock)
        {
            if (Find(_alternatives, name) is { } known)
            {
                return known;
            }

            if (_alternatives.Length >= AlternativesMax)
            {
                return null;
            }

            var responses = new DividedResponses(scope, Encoding.ASCII.GetString(name) + ".", zone);
            _alternatives = [.. _alternatives, new Alternative(name.ToArray(), responses)];
            return responses;
        }
    }

    private readonly record struct Alternative(byte[] Name, DividedResponses Responses);
}
