using Pilotfish.Local.State;

namespace Pilotfish.Local.Commands;

/// <summary>`logs POD [-c CONTAINER] [-f]`: what a container has printed.</summary>
public static class LogsCommand
{
    private const int BufferBytes = 64 * 1024;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    public static async Task<int> RunAsync(
        string? mesh, string pod, string? container, bool follow, Stream output, TextWriter error, CancellationToken stop)
    {
        try
        {
            PodDescription target = MeshLocator.FindPod(MeshLocator.Find(mesh).Description, pod);
            ContainerDescription from = MeshLocator.FindContainer(target, container);
            string path = MeshFolders.ContainerLog(target.Folder, from.Name);
            if (!File.Exists(path))
            {
                throw new LocalException($"Container '{from.Name}' of pod '{target.ShortName}' has not started yet.");
            }

            await CopyAsync(path, follow, output, stop);
            return 0;
        }
        catch (LocalException e)
        {
            await error.WriteLineAsync("error: " + e.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }

    private static async Task CopyAsync(string path, bool follow, Stream output, CancellationToken stop)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            int read = await file.ReadAsync(buffer, stop);
            await output.WriteAsync(buffer.AsMemory(0, read), stop);
            if (read > 0)
            {
                continue;
            }

            await output.FlushAsync(stop);

            // The file goes with its pod.
            if (!follow || !File.Exists(path))
            {
                return;
            }

            await Task.Delay(s_poll, stop);
        }
    }
}
