using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.RuntimeLayers;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Filters.ConnectionLimit;

/// <summary>
/// Counts the connections of its chain and closes those above the limit, after a delay if one is set, so that a client cannot try again at once.
/// Refused ones count until they are closed, as in Envoy. Any worker.
/// </summary>
internal sealed class ConnectionLimitFilter : NetworkFilter
{
    private static readonly EndReason s_over = new(
        EndCause.Overflow, EndSide.Proxy, "over_connection_limit", default, "The connection limit of the filter chain is reached (connection_limit).");

    private long _connections;

    /// <summary>1 at least.</summary>
    public required long ConnectionsMax { get; init; }

    /// <summary>0 closes at once.</summary>
    public required long DelayMilliseconds { get; init; }

    public required LiveFlag Enabled { get; init; }

    public required Counter Limited { get; init; }

    public required Gauge Active { get; init; }

    public override NetworkFilterSession? NewConnection(DownstreamConnection connection) =>
        Enabled.Current ? new Session(this, connection) : null;

    private sealed class Session : NetworkFilterSession
    {
        private readonly ConnectionLimitFilter _filter;
        private readonly DownstreamConnection _connection;
        private readonly bool _isOver;

        public Session(ConnectionLimitFilter filter, DownstreamConnection connection)
        {
            (_filter, _connection) = (filter, connection);
            _isOver = Interlocked.Increment(ref filter._connections) > filter.ConnectionsMax;
            Cells.Increment(filter.Active);
        }

        private StatCells Cells => _connection.Worker.Stats;

        public override async ValueTask<EndReason?> OnNewConnectionAsync()
        {
            if (!_isOver)
            {
                return null;
            }

            Worker worker = _connection.Worker;
            worker.Stats.Add(_filter.Limited);
            if (_filter.DelayMilliseconds > 0)
            {
                await worker.Loop.DelayAsync(_filter.DelayMilliseconds);
            }

            _connection.Info.LocalCloseReason = s_over.Details;
            return s_over;
        }

        public override void OnFinished(EndReason reason)
        {
            Interlocked.Decrement(ref _filter._connections);
            Cells.Decrement(_filter.Active);
        }
    }
}
