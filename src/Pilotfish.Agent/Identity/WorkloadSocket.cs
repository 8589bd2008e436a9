using Pilotfish.Agent.Bootstrap;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;

namespace Pilotfish.Agent.Identity;

/// <summary>
/// Finds out who serves the workload's secrets: a server such as SPIRE's that already answers on the socket, or else the agent itself
/// (istio pkg/istio-agent/agent.go, checkSocket). Once at the start, on the main loop.
/// </summary>
internal static class WorkloadSocket
{
    public const string DefaultFileName = "socket";

    /// <summary>
    /// A dead server's socket refuses at once; who is connected and hears nothing has met a busy machine, at whose start many processes
    /// begin together, more often than a hung server. Longer than Istio's second, because a living server's socket would be removed.
    /// </summary>
    private const long HealthMilliseconds = 5000;

    private const long TurnMilliseconds = 20;
    private const int FrameHeaderBytes = 9;
    private const int FrameTypeAt = 3;
    private const byte SettingsFrame = 4;

    // The client's preface of HTTP/2 (RFC 9113 section 3.4) with an empty SETTINGS frame.
    private static ReadOnlySpan<byte> Hello => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8;

    /// <summary>True when somebody else serves there. A dead socket is removed.</summary>
    /// <param name="loop">Stepped until the server has answered, at most for five seconds.</param>
    /// <param name="directory">Where sockets of identities are mounted.</param>
    /// <param name="fileName">The socket's name, which the user may choose (WORKLOAD_IDENTITY_SOCKET_FILE).</param>
    /// <exception cref="AgentConfigException">A chosen socket is not there, its name is a path, or a dead one cannot be removed.</exception>
    public static bool IsServedByAnother(EventLoop loop, string directory, string fileName)
    {
        if (fileName != Path.GetFileName(fileName))
        {
            throw new AgentConfigException(
                $"workload identity socket file override must be a filename, not a path: {fileName}");
        }

        string path = $"{directory}/{fileName}";
        if (IsAlive(loop, path))
        {
            Log.Info(LogComponent.Secret, $"Existing workload SDS socket found at {path}. The agent serves secrets from files only");
            return true;
        }

        return fileName != DefaultFileName
            ? throw new AgentConfigException($"agent configured for non-default SDS socket path: {path} but no socket found")
            : false;
    }

    /// <summary>Whether a server answers on a socket. A dead one is removed.</summary>
    /// <exception cref="AgentConfigException">It cannot be removed.</exception>
    public static bool IsAlive(EventLoop loop, string path)
    {
        if (!IsSocket(path))
        {
            return false;
        }

        if (Answers(loop, path) is not { } problem)
        {
            return true;
        }

        Log.Info(LogComponent.Secret, $"the socket '{path}' is removed, its server does not answer: {problem}");
        Remove(path);
        return false;
    }

    // What can be opened like a file is none, and not ours to remove.
    private static bool IsSocket(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            File.OpenHandle(path).Dispose();
            return false;
        }
        catch (IOException)
        {
            // ENXIO: sockets cannot be opened.
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Null when a gRPC server answers; else why not.</summary>
    private static string? Answers(EventLoop loop, string path)
    {
        SocketStream stream = SocketStream.Create(loop);
        using var limit = new LoopDeadlineTimer(loop, stream);
        Task<string?> answer = GreetAsync(stream, path);
        while (!answer.IsCompleted)
        {
            loop.RunOnce(TurnMilliseconds);
        }

        stream.Close();
        return answer.GetAwaiter().GetResult();
    }

    /// <summary>What a gRPC client does before its first call: connect, greet, and wait for the server's SETTINGS.</summary>
    private static async Task<string?> GreetAsync(SocketStream stream, string path)
    {
        IoError error = await stream.ConnectAsync(NetAddress.Unix(path));
        if (error == IoError.None)
        {
            error = (await stream.SendAsync(Hello.ToArray())).Error;
        }

        byte[] header = new byte[FrameHeaderBytes];
        int length = 0;
        while (error == IoError.None && length < header.Length)
        {
            IoResult received = await stream.ReceiveAsync(header.AsMemory(length));
            error = received.Error;
            length += received.Bytes;
            if (received.IsEnd)
            {
                return "it closed the connection";
            }
        }

        if (error != IoError.None)
        {
            return error == IoError.Closed ? $"no answer within {HealthMilliseconds} ms" : error.Describe();
        }

        return header[FrameTypeAt] == SettingsFrame ? null : "it does not speak HTTP/2";
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentConfigException($"existing SDS socket could not be removed: {FailureText.Of(e)}");
        }
    }

    /// <summary>Closes the stream when the time is over, which ends whatever it waits for.</summary>
    private sealed class LoopDeadlineTimer : IDisposable
    {
        private readonly LoopTimer _timer;

        public LoopDeadlineTimer(EventLoop loop, SocketStream stream)
        {
            _timer = new LoopTimer(loop, static state => ((SocketStream)state!).Close(), stream);
            _timer.Schedule(HealthMilliseconds);
        }

        public void Dispose() => _timer.Cancel();
    }
}
