// What the page says when a part of the whole is gone.
export const tests = [
  ['without brokers the overview stands, and dead letters say why they do not', async ({ admin, bed }) => {
    await bed.kill('worker');
    bed.stopBroker();
    await admin.go('overview');
    await admin.says(/Ready/);
    await admin.go('letters');
    await admin.says(/Not available for now/);
  }],
  ['without the server each view says so, and a new try finds it', async ({ admin, bed }) => {
    await admin.page.route('**/v1/**', (route) => route.abort());
    await admin.go('certificates');
    await admin.says(/The server cannot be reached/);
    admin.troubles.splice(0); // the browser's own words about it
    await admin.page.unroute('**/v1/**');
    await admin.page.getByRole('button', { name: 'Try again' }).click();
    await admin.title('Certificates');
  }],
];
