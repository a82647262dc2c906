// Publishes events. As much of the protocol as that needs: CONNECT, PUB, and PING to know that all arrived.
import { connect } from 'node:net';

export async function publish(port: number, subject: string, payloads: string[]): Promise<void> {
  const lines = payloads.map((payload) => `PUB ${subject} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`CONNECT {"verbose":false}\r\n${lines.join('')}PING\r\n`);
    });
    let told = '';
    socket.on('error', reject);
    socket.on('data', (data) => {
      told += data.toString();
      if (told.includes('-ERR')) reject(new Error(told));
      if (told.includes('PONG')) {
        socket.end();
        resolve();
      }
    });
  });
}
