using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>
/// One collector as configuration knows it, shared by every logger that names it alike. Each worker has its own side, made on its first
/// record. Any worker.
/// </summary>
internal sealed class CollectorSink(int workers, Func<CollectorSink, Worker, Collector> create)
{
    // Each worker reads and writes its own place only.
    private readonly Collector?[] _collectors = new Collector?[workers];

    /// <summary>The worker's side; on its loop.</summary>
    public Collector Of(Worker worker) => _collectors[worker.Index] ??= create(this, worker);

    /// <summary>The worker's side if it was ever used; on its loop.</summary>
    public Collector? Find(Worker worker) => _collectors[worker.Index];
}
