namespace Pilotfish.Proxy.Stats;

/// <summary>
/// `upstream_rq_completed`, `upstream_rq_Nxx` and `upstream_rq_CODE` of one scope. Counters of single codes are made when the first response has
/// one; any worker.
/// </summary>
public sealed class StatusCounters
{
    private const int StatusMax = 600;

    private readonly StatScope _scope;
    private readonly Code?[] _byStatus = new Code?[StatusMax];
    private readonly Counter _completed;
    private readonly Counter[] _classes;

    public StatusCounters(StatScope scope)
    {
        _scope = scope;
        _completed = scope.Counter("upstream_rq_completed");
        _classes =
        [
            scope.Counter("upstream_rq_1xx"), scope.Counter("upstream_rq_2xx"), scope.Counter("upstream_rq_3xx"), scope.Counter("upstream_rq_4xx"),
            scope.Counter("upstream_rq_5xx"),
        ];
    }

    /// <summary>Counts a response of 100 to 599.</summary>
    public void Count(StatCells cells, int status)
    {
        if (status is < 100 or >= StatusMax)
        {
            return;
        }

        cells.Add(_completed);
        cells.Add(_classes[(status / 100) - 1]);
        Code code = _byStatus[status] ??= new Code(_scope.Counter($"upstream_rq_{status}"));
        cells.Add(code.Counter);
    }

    // A reference is published whole; a struct with a torn write would not be.
    private sealed record Code(Counter Counter);
}
