using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Identity;
using Pilotfish.Runtime.Loops;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity;

public sealed class WorkloadSocketTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("uds-").FullName;

    [Fact]
    public void NoSocket_MeansThatTheAgentServes_UnlessItsNameWasChosen()
    {
        Run(loop => Assert.False(WorkloadSocket.IsServedByAnother(loop, _directory, "socket")));
        AgentConfigException missing = Assert.Throws<AgentConfigException>(
            () => Run(loop => WorkloadSocket.IsServedByAnother(loop, _directory, "spire.sock")));
        Assert.Equal($"agent configured for non-default SDS socket path: {_directory}/spire.sock but no socket found", missing.Message);
        AgentConfigException path = Assert.Throws<AgentConfigException>(
            () => Run(loop => WorkloadSocket.IsServedByAnother(loop, _directory, "../spire.sock")));
        Assert.Contains("must be a filename, not a path", path.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("socket")]
    [InlineData("spire.sock")]
    public void ServerThatAnswers_IsUsed(string name) => Run(loop =>
    {
        using var bench = new SecretBench(loop);
        using var server = new SdsServer(loop, bench.Store, $"{_directory}/{name}");
        Assert.True(WorkloadSocket.IsServedByAnother(loop, _directory, name));
        Assert.True(File.Exists($"{_directory}/{name}"));
    });

    [Fact]
    public void AnySocket_IsAliveWhileItsServerIs() => Run(loop =>
    {
        string path = $"{_directory}/credentials";
        Assert.False(WorkloadSocket.IsAlive(loop, path));
        using var bench = new SecretBench(loop);
        var server = new SdsServer(loop, bench.Store, path);
        Assert.True(WorkloadSocket.IsAlive(loop, path));
        server.Dispose();
        File.WriteAllText(path, "no socket at all");
        Assert.False(WorkloadSocket.IsAlive(loop, path));
        Assert.Equal("no socket at all", File.ReadAllText(path));
    });

    [Theory]
    [InlineData("nobody listens")]
    [InlineData("closes")]
    [InlineData("speaks something else")]
    [InlineData("says nothing")]
    public void ServerThatDoesNotAnswer_LosesItsSocket(string how) => Run(loop =>
    {
        string path = $"{_directory}/socket";
        ListenSocket listener = ListenSocket.Listen(loop, NetAddress.Unix(path));
        if (how == "nobody listens")
        {
            string aside = path + "-aside";
            File.Move(path, aside);
            listener.Close();
            File.Move(aside, path);
        }
        else
        {
            _ = AnswerAsync(listener, how);
        }

        Assert.False(WorkloadSocket.IsServedByAnother(loop, _directory, "socket"));
        Assert.False(File.Exists(path));
        listener.Close();
    });

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static async Task AnswerAsync(ListenSocket listener, string how)
    {
        SocketStream? stream = (await listener.AcceptAsync()).Stream;
        if (how == "closes")
        {
            stream!.Close();
        }
        else if (how == "speaks something else")
        {
            await stream!.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        }
    }

    private static void Run(Action<EventLoop> body)
    {
        using var loop = new EventLoop(new EventLoopOptions { Name = "test" });
        using EventLoop.LoopBinding binding = loop.Bind();
        body(loop);
    }
}
