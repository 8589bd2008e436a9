using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Http;

/// <summary>What HTTP keeps per worker: reusable request objects, scratch space, the date line. That worker's loop only.</summary>
public sealed class HttpWorker
{
    // Requests under way at once are rarely more; what is above goes back to the collector after a burst.
    private const int FreeStreamsMax = 256;

    private readonly Stack<HttpStream> _free = new();

    private HttpWorker(Worker worker)
    {
        Worker = worker;
        Date = new HttpDate(worker.Loop);
        RequestIds = new RequestIds(worker.Random);
    }

    public Worker Worker { get; }

    public EventLoop Loop => Worker.Loop;

    public StatCells Stats => Worker.Stats;

    /// <summary>For header values and bodies from format strings; used and read within one call.</summary>
    public FormatOutput Scratch { get; } = new();

    /// <summary>For a body whose parts are formatted in <see cref="Scratch"/>.</summary>
    internal FormatOutput BodyScratch { get; } = new();

    internal HttpDate Date { get; }

    internal RequestIds RequestIds { get; }

    public static HttpWorker Of(Worker worker)
    {
        if (worker.HttpState is HttpWorker state)
        {
            return state;
        }

        state = new HttpWorker(worker);
        worker.HttpState = state;
        return state;
    }

    internal HttpStream Rent() => _free.TryPop(out HttpStream? stream) ? stream : new HttpStream(this);

    internal void Return(HttpStream stream)
    {
        if (_free.Count < FreeStreamsMax)
        {
            _free.Push(stream);
        }
    }
}
