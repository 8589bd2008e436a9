using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;
using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Resources that come from files: each holds a DiscoveryResponse in YAML or JSON. Files are looked at every second and read
/// anew when they were replaced; a bad file is reported and the last good content stays. Main loop.
/// </summary>
/// <remarks>
/// Looking costs one stat per file and second. inotify would also need the watched directory, its moves and its limit of
/// instances, which a crowded node exhausts.
/// </remarks>
internal sealed class FileSubscriptions : IDisposable
{
    private const long PollMilliseconds = 1000;

    private readonly EventLoop _loop;
    private readonly Dictionary<string, WatchedFile> _files = new(StringComparer.Ordinal);
    private readonly LoopTimer _poll;

    public FileSubscriptions(EventLoop loop)
    {
        _loop = loop;
        _poll = new LoopTimer(loop, static state => ((FileSubscriptions)state!).Poll(), this);
    }

    /// <summary>The tables of all files, for /config_dump.</summary>
    public IEnumerable<ResourceTable> Tables
    {
        get
        {
            foreach (WatchedFile file in _files.Values)
            {
                yield return file.Table;
            }
        }
    }

    public ResourceTable At(string path, string? watchedDirectory = null)
    {
        if (!_files.TryGetValue(path, out WatchedFile? file))
        {
            file = new WatchedFile(path, new ResourceTable(_loop));
            file.Table.OnChanged = () => Read(file);
            _files.Add(path, file);
            Log.Debug(LogComponent.Config, $"watching '{path}' (directory '{watchedDirectory}')");
        }

        if (!_poll.IsScheduled)
        {
            _poll.Schedule(PollMilliseconds);
        }

        return file.Table;
    }

    public void Dispose() => _poll.Cancel();

    private void Poll()
    {
        foreach (WatchedFile file in _files.Values)
        {
            if (FileStamp.Of(file.Path) is { } stamp && stamp != file.Stamp)
            {
                Read(file);
            }
        }

        _poll.Schedule(PollMilliseconds);
    }

    private void Read(WatchedFile file)
    {
        file.Stamp = FileStamp.Of(file.Path);
        if (file.Stamp is null)
        {
            Log.Warning(LogComponent.Config, $"The file '{file.Path}' does not exist; its resources stay as they are.");
            return;
        }

        try
        {
            YamlParseResult parsed = YamlDocuments.Parse(File.ReadAllBytes(file.Path), file.Path);
            if (!parsed.IsOk || parsed.Documents.Count == 0)
            {
                Report(parsed.Errors);
                return;
            }

            ReadResult<DiscoveryResponse> read = MessageReader.Read<DiscoveryResponse>(parsed.Documents[0]);
            if (read.Message is not { } response)
            {
                Report(read.Errors);
                return;
            }

            Apply(file.Table, response);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.Warning(LogComponent.Config, $"The file '{file.Path}' cannot be read: {FailureText.Of(e)}");
        }
    }

    private void Apply(ResourceTable table, DiscoveryResponse response)
    {
        foreach (SubscribedType type in table.Types)
        {
            List<ArrivedResource> added = [];
            List<RejectedResource> rejected = [];
            foreach (Any any in response.Resources)
            {
                if (any.TypeUrl != type.Type.TypeUrl)
                {
                    continue;
                }

                if (ResourceNames.TryRead(any.Value.Span, out string name, out string? problem))
                {
                    added.Add(new ArrivedResource(name, PackedMessage.Plain(any.Value.Span), response.VersionInfo));
                }
                else
                {
                    rejected.Add(new RejectedResource("", $"the bytes are not a valid message: {problem}"));
                }
            }

            List<string> removed = type.Collection is null ? [] : Missing(type, added);
            new ResponseOutcome(_loop, table).Apply(type, added, removed, response.VersionInfo, rejected);
        }
    }

    private static List<string> Missing(SubscribedType type, List<ArrivedResource> present)
    {
        List<string> missing = [];
        foreach (string name in type.Held.Keys)
        {
            if (!present.Exists(update => update.Name == name))
            {
                missing.Add(name);
            }
        }

        return missing;
    }

    private static void Report(IReadOnlyList<SourceError> errors)
    {
        foreach (SourceError error in errors)
        {
            Log.Warning(LogComponent.Config, error.ToString());
        }
    }

    private sealed class WatchedFile(string path, ResourceTable table)
    {
        public string Path { get; } = path;

        public ResourceTable Table { get; } = table;

        public FileStamp? Stamp { get; set; }
    }
}
